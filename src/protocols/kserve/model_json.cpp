#include "protocols/kserve/model_json.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <iterator>
#include <map>
#include <utility>

#include "protocols/json/json_text.hpp"
#include "protocols/kserve/json_members.hpp"

namespace ocelli::kserve {
namespace {

using serving::ServableMetadata;

void append_tensors(std::string& text, const std::vector<TensorSpec>& tensors) {
  append_array(text, tensors, [&text](const TensorSpec& tensor) {
    text.push_back('{');
    append_members(text, {{"name", tensor.name}, {"datatype", kserve_name(tensor.type)}});
    text.append(",\"shape\":");
    append_array(text, tensor.shape.dims,
                 [&text](const Dimension& dimension) { json::append_integer(text, dimension.extent_or_dynamic()); });
    text.push_back('}');
  });
}

void append_milliseconds(std::string& text, std::string_view name, Duration time) {
  fmt::format_to(std::back_inserter(text), ",\"{}\":{:.1f}", name,
                 std::chrono::duration<double, std::milli>(time).count());
}

void append_time(std::string& text, std::string_view name, std::chrono::system_clock::time_point time) {
  fmt::format_to(std::back_inserter(text), ",\"{}\":\"{:%Y-%m-%dT%H:%M:%S}Z\"", name,
                 fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

void append_execution(std::string& text, const std::vector<serving::DeviceReport>& devices) {
  append_array(text, devices, [&text](const serving::DeviceReport& report) {
    const auto& info = report.info;
    text.push_back('{');
    append_members(text, {{"target", report.target},
                          {"state", serving::device_state_name(report.state)},
                          {"reason", report.reason},
                          {"runtime", info.runtime},
                          {"runtime_version", info.runtime_version},
                          {"device", info.device},
                          {"device_name", info.device_name},
                          {"precision", info.precision},
                          {"note", info.note}});
    append_time(text, "since", report.since);
    append_milliseconds(text, "compile_ms", report.compile_time);
    append_milliseconds(text, "warm_up_ms", report.warm_up_time);
    append_milliseconds(text, "measure_ms", report.measure_time);
    if (info.memory_bytes > 0) {
      fmt::format_to(std::back_inserter(text), ",\"memory_bytes\":{},\"memory_estimated\":{}", info.memory_bytes,
                     info.memory_estimated);
    }
    if (report.attempts > 0) fmt::format_to(std::back_inserter(text), ",\"failed_attempts\":{}", report.attempts);
    if (report.next_attempt.time_since_epoch().count() > 0) append_time(text, "next_attempt", report.next_attempt);
    text.push_back('}');
  });
}

using ModelInfo = std::map<std::string, std::string>;

// Writes the entries in [begin, end), whose keys share their first `prefix` characters, as one object: "a.b" and "a.c"
// become {"a":{"b":..,"c":..}}.
void append_model_info(std::string& text, ModelInfo::const_iterator begin, ModelInfo::const_iterator end,
                       std::size_t prefix) {
  text.push_back('{');
  for (auto entry = begin; entry != end;) {
    if (entry != begin) text.push_back(',');
    const auto dot = entry->first.find('.', prefix);
    const std::string_view key =
        std::string_view(entry->first).substr(prefix, dot == std::string::npos ? dot : dot - prefix);
    if (dot == std::string::npos) {
      append_member(text, key, entry->second);
      ++entry;
      continue;
    }
    const std::string_view group = std::string_view(entry->first).substr(0, dot + 1);
    const auto group_end =
        std::find_if(entry, end, [group](const auto& other) { return !other.first.starts_with(group); });
    json::append_quoted(text, key);
    text.push_back(':');
    append_model_info(text, entry, group_end, dot + 1);
    entry = group_end;
  }
  text.push_back('}');
}

// A count and the time it took together.
struct NamedDuration {
  std::string_view name;
  const observability::Counter& count;
  const observability::Counter& ns;
};

void append_durations(std::string& text, std::initializer_list<NamedDuration> durations) {
  bool first = true;
  for (const auto& [name, count, ns] : durations) {
    fmt::format_to(std::back_inserter(text), "{}\"{}\":{{\"count\":{},\"ns\":{}}}",
                   std::exchange(first, false) ? "" : ",", name, count.load(std::memory_order_relaxed),
                   ns.load(std::memory_order_relaxed));
  }
}

void append_batch_stats(std::string& text, const observability::ServableMetrics& metrics) {
  bool first = true;
  for (std::size_t size = 1; size < metrics.batches.size(); ++size) {
    const auto& batch = metrics.batches[size];
    if (batch.executions.load(std::memory_order_relaxed) == 0) continue;
    fmt::format_to(std::back_inserter(text), "{}{{\"batch_size\":{},", std::exchange(first, false) ? "" : ",", size);
    append_durations(text, {{"compute_input", batch.executions, batch.input_ns},
                            {"compute_infer", batch.executions, batch.infer_ns},
                            {"compute_output", batch.executions, batch.output_ns}});
    text.push_back('}');
  }
}

}  // namespace

void append_server_metadata(std::string& text, std::string_view name, std::string_view version, bool shared_memory) {
  text.push_back('{');
  append_members(text, {{"name", name}, {"version", version}});
  text.append(
      ",\"extensions\":[\"binary_tensor_data\",\"classification\",\"logging\",\"model_configuration\",\"model_"
      "repository\",\"parameters\","
      "\"schedule_policy\",\"sequence\",\"statistics\",\"trace\"");
  if (shared_memory) text.append(",\"system_shared_memory\"");
  text.append("]}");
}

void append_model_metadata(std::string& text, const ServableMetadata& metadata, const serving::ModelStatus& status) {
  text.push_back('{');
  append_member(text, "name", metadata.name);
  text.append(",\"versions\":[");
  bool first = true;
  for (const auto& version : status.versions) {
    if (version.state != serving::VersionState::kAvailable) continue;
    text.append(std::exchange(first, false) ? "\"" : ",\"");
    json::append_integer(text, version.version);
    text.push_back('"');
  }
  text.append("],");
  append_member(text, "platform", metadata.computing_platform());
  text.append(",\"inputs\":");
  append_tensors(text, metadata.inputs);
  text.append(",\"outputs\":");
  append_tensors(text, metadata.outputs);
  if (!metadata.model_info.empty()) {
    text.append(",\"rt_info\":{\"model_info\":");
    append_model_info(text, metadata.model_info.begin(), metadata.model_info.end(), 0);
    text.push_back('}');
  }
  if (metadata.devices) {
    text.append(",\"execution\":");
    append_execution(text, metadata.device_reports());
  }
  text.push_back('}');
}

void append_model_statistics(std::string& text, serving::Servable& servable) {
  const auto& metadata = servable.metadata();
  const auto& metrics = servable.metrics();
  text.push_back('{');
  append_member(text, "name", metadata.name);
  fmt::format_to(std::back_inserter(text),
                 ",\"version\":\"{}\",\"last_inference\":{},\"inference_count\":{},\"execution_count\":{}",
                 metadata.version, metrics.last_inference_ms.load(std::memory_order_relaxed),
                 metrics.inferences.load(std::memory_order_relaxed),
                 metrics.executions.load(std::memory_order_relaxed));
  text.append(",\"inference_stats\":{");
  const auto named = [](std::string_view name, const observability::DurationCounter& counter) {
    return NamedDuration{name, counter.count, counter.ns};
  };
  append_durations(
      text, {named("success", metrics.stat_success), named("fail", metrics.stat_fail),
             named("queue", metrics.stat_queue), named("compute_input", metrics.stat_compute_input),
             named("compute_infer", metrics.stat_compute_infer), named("compute_output", metrics.stat_compute_output)});
  // There is no response cache, no model with several responses, and no count of memory by device: clients of Triton's
  // look these members up nevertheless.
  text.append(
      R"(,"cache_hit":{"count":0,"ns":0},"cache_miss":{"count":0,"ns":0}},"response_stats":{},"batch_stats":[)");
  append_batch_stats(text, metrics);
  text.append(R"(],"memory_usage":[]})");
}

}  // namespace ocelli::kserve
