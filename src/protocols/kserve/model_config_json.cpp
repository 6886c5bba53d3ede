#include "protocols/kserve/model_config_json.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "protocols/kserve/json_members.hpp"
#include "serving/execution_facts.hpp"

namespace ocelli::kserve {
namespace {

std::string type_name(DataType type) {
  if (type == DataType::kUndefined) return "TYPE_INVALID";
  return std::string("TYPE_").append(precision_name(type));
}

void append_config_tensors(std::string& text, const std::vector<TensorSpec>& tensors) {
  append_array(text, tensors, [&text](const TensorSpec& tensor) {
    text.push_back('{');
    append_members(text, {{"name", tensor.name}, {"data_type", type_name(tensor.type)}});
    text.append(",\"dims\":");
    append_array(text, tensor.shape.dims,
                 [&text](const Dimension& dimension) { json::append_integer(text, dimension.extent_or_dynamic()); });
    text.push_back('}');
  });
}

// An instance group for each device that serves. Sent back with a load, they leave a plan of several devices as it is.
void append_instances(std::string& text, std::vector<serving::DeviceReport> devices) {
  const auto kind = serving::planned_for_cpu_alone(devices) ? "KIND_CPU" : "KIND_AUTO";
  std::erase_if(devices, [](const auto& report) { return report.state != serving::DeviceState::kServing; });
  append_array(text, devices, [&](const serving::DeviceReport& report) {
    text.push_back('{');
    append_members(text, {{"name", report.info.device}, {"kind", kind}});
    text.append(",\"count\":");
    json::append_integer(text, static_cast<std::int64_t>(report.info.optimal_requests));
    text.push_back('}');
  });
}

}  // namespace

void append_model_config(std::string& text, const serving::ServableMetadata& metadata) {
  const auto devices = metadata.device_reports();
  text.push_back('{');
  append_members(text, {{"name", metadata.name}, {"platform", metadata.computing_platform()}, {"backend", ""}});
  text.append(",\"max_batch_size\":0,\"input\":");
  append_config_tensors(text, metadata.inputs);
  text.append(",\"output\":");
  append_config_tensors(text, metadata.outputs);
  text.append(",\"instance_group\":");
  append_instances(text, devices);
  text.append(",\"parameters\":{");
  bool first = true;
  for (const auto& [name, value] : serving::execution_facts(devices)) {
    if (!std::exchange(first, false)) text.push_back(',');
    json::append_quoted(text, name);
    text.append(":{");
    append_member(text, "string_value", value);
    text.push_back('}');
  }
  text.append("},\"model_transaction_policy\":{\"decoupled\":false}}");
}

}  // namespace ocelli::kserve
