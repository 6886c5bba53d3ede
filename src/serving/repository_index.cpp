#include "serving/repository_index.hpp"

#include <algorithm>

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

std::string_view first_given(std::string_view reason, std::string_view otherwise) noexcept {
  return reason.empty() ? otherwise : reason;
}

bool has_ended(const VersionStatus& version) noexcept { return version.state == VersionState::kEnd; }

}  // namespace

std::vector<RepositoryRow> repository_index(std::span<const ModelStatus> models, bool only_ready) {
  std::vector<RepositoryRow> rows;
  for (const auto& model : models) {
    // What hinders the model as a whole is why nothing has come after versions that ended.
    const std::string_view problem =
        std::ranges::all_of(model.versions, has_ended) ? std::string_view(model.problem) : std::string_view();
    for (const auto& version : model.versions) {
      if (only_ready && version.state != VersionState::kAvailable) continue;
      const auto reason = has_ended(version) ? first_given(version.reason, first_given(problem, "unloaded"))
                                             : std::string_view(version.reason);
      rows.push_back({model.name, std::to_string(version.version), state_of(version), reason});
    }
    if (model.versions.empty() && !only_ready)
      rows.push_back({model.name, {}, "UNAVAILABLE", first_given(problem, "not loaded")});
  }
  return rows;
}

}  // namespace ocelli::serving
