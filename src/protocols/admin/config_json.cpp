#include "protocols/admin/config_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "protocols/json/json_text.hpp"
#include "protocols/tfserving/model_status_json.hpp"

namespace ocelli::admin {
namespace {

using serving::ModelStatus;
using serving::VersionState;
using serving::VersionStatus;

bool available(const VersionStatus& version) noexcept { return version.state == VersionState::kAvailable; }

// Triton's word for a state.
std::string_view repository_state(const VersionStatus& version) noexcept {
  switch (version.state) {
    case VersionState::kAvailable:
      return "READY";
    case VersionState::kUnloading:
      return "UNLOADING";
    case VersionState::kStart:
    case VersionState::kLoading:
      return version.error == StatusCode::kOk ? "LOADING" : "UNAVAILABLE";
    case VersionState::kEnd:
      break;
  }
  return "UNAVAILABLE";
}

void append_index_entry(std::string& text, bool& first, std::string_view name, std::string_view version,
                        std::string_view state, std::string_view reason) {
  text.append(std::exchange(first, false) ? "{\"name\":" : ",{\"name\":");
  json::append_quoted(text, name);
  text.append(",\"version\":");
  json::append_quoted(text, version);
  text.append(",\"state\":");
  json::append_quoted(text, state);
  text.append(",\"reason\":");
  json::append_quoted(text, reason);
  text.push_back('}');
}

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
  for (const auto& model : models) {
    for (const auto& version : model.versions) {
      if (only_ready && !available(version)) continue;
      append_index_entry(text, first, model.name, std::to_string(version.version), repository_state(version),
                         version.reason);
    }
    if (model.versions.empty() && !only_ready)
      append_index_entry(text, first, model.name, "", "UNAVAILABLE", "no version to serve");
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
