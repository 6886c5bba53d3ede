#include "protocols/admin/config_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "protocols/json/json_text.hpp"
#include "protocols/tfserving/model_status_json.hpp"
#include "serving/repository_index.hpp"

namespace ocelli::admin {
namespace {

using serving::ModelStatus;
using serving::VersionState;
using serving::VersionStatus;

bool available(const VersionStatus& version) noexcept { return version.state == VersionState::kAvailable; }

}  // namespace

void append_config_status(std::string& text, std::span<const ModelStatus> models) {
  if (models.empty()) {
    text.append("{}");
    return;
  }
  text.append("{\n");
  bool first = true;
  for (const auto& model : models) {
    if (!std::exchange(first, false)) text.append(",\n");
    json::append_quoted(text, model.name);
    text.append(" : \n");
    tfserving::append_model_status(text, model);
  }
  text.append("\n}");
}

void append_reload_error(std::string& text, const Status& status) {
  text.append("{\n\t\"error\": ");
  json::append_quoted(text, status.message());
  text.append("\n}");
}

void append_model_list(std::string& text, std::span<const ModelStatus> models, std::int64_t created) {
  text.append("{\"data\":[");
  bool first = true;
  for (const auto& model : models) {
    if (std::ranges::none_of(model.versions, available)) continue;
    text.append(std::exchange(first, false) ? "{\"id\":" : ",{\"id\":");
    json::append_quoted(text, model.name);
    fmt::format_to(std::back_inserter(text), ",\"object\":\"model\",\"created\":{},\"owned_by\":\"OVMS\"}}", created);
  }
  text.append("],\"object\":\"list\"}");
}

void append_repository_index(std::string& text, std::span<const ModelStatus> models, bool only_ready) {
  text.push_back('[');
  bool first = true;
  for (const auto& row : serving::repository_index(models, only_ready)) {
    text.append(std::exchange(first, false) ? "{\"name\":" : ",{\"name\":");
    json::append_quoted(text, row.name);
    text.append(",\"version\":");
    json::append_quoted(text, row.version);
    text.append(",\"state\":");
    json::append_quoted(text, row.state);
    text.append(",\"reason\":");
    json::append_quoted(text, row.reason);
    text.push_back('}');
  }
  text.push_back(']');
}

void append_shared_memory_status(std::string& text, std::span<const transport::SharedMemoryRegion> regions) {
  text.push_back('[');
  bool first = true;
  for (const auto& region : regions) {
    text.append(std::exchange(first, false) ? "{\"name\":" : ",{\"name\":");
    json::append_quoted(text, region.name);
    text.append(",\"key\":");
    json::append_quoted(text, region.key);
    fmt::format_to(std::back_inserter(text), ",\"offset\":{},\"byte_size\":{}}}", region.offset, region.byte_size);
  }
  text.push_back(']');
}

}  // namespace ocelli::admin
