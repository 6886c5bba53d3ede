#include "serving/repository_index.hpp"

namespace ocelli::serving {
namespace {

std::string_view state_of(const VersionStatus& version) noexcept {
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

std::string_view reason_of(const VersionStatus& version) noexcept {
  return version.state == VersionState::kEnd && version.reason.empty() ? std::string_view("unloaded") : version.reason;
}

}  // namespace

std::vector<RepositoryRow> repository_index(std::span<const ModelStatus> models, bool only_ready) {
  std::vector<RepositoryRow> rows;
  for (const auto& model : models) {
    for (const auto& version : model.versions) {
      if (only_ready && version.state != VersionState::kAvailable) continue;
      rows.push_back({model.name, std::to_string(version.version), state_of(version), reason_of(version)});
    }
    if (model.versions.empty() && !only_ready) rows.push_back({model.name, {}, "UNAVAILABLE", "no version to serve"});
  }
  return rows;
}

}  // namespace ocelli::serving
