#include "serving/model_catalog.hpp"

namespace ocelli::serving {

std::string_view version_state_name(VersionState state) noexcept {
  switch (state) {
    case VersionState::kStart:
      return "START";
    case VersionState::kLoading:
      return "LOADING";
    case VersionState::kAvailable:
      return "AVAILABLE";
    case VersionState::kUnloading:
      return "UNLOADING";
    case VersionState::kEnd:
      return "END";
  }
  return "UNKNOWN";
}

}  // namespace ocelli::serving
