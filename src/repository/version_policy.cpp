#include "repository/version_policy.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace ocelli::repository {

std::vector<Version> select_versions(const VersionPolicy& policy, std::vector<Version> available) {
  std::sort(available.begin(), available.end());
  switch (policy.kind) {
    case VersionPolicy::Kind::kAll:
      break;
    case VersionPolicy::Kind::kLatest:
      if (available.size() > policy.latest_count) {
        available.erase(available.begin(), available.end() - static_cast<std::ptrdiff_t>(policy.latest_count));
      }
      break;
    case VersionPolicy::Kind::kSpecific:
      std::erase_if(available, [&](Version version) {
        return !std::binary_search(policy.specific.begin(), policy.specific.end(), version);
      });
      break;
  }
  return available;
}

std::string to_string(const VersionPolicy& policy) {
  switch (policy.kind) {
    case VersionPolicy::Kind::kAll:
      return "all";
    case VersionPolicy::Kind::kLatest:
      return fmt::format("latest {}", policy.latest_count);
    case VersionPolicy::Kind::kSpecific:
      break;
  }
  return fmt::format("specific {}", fmt::join(policy.specific, ","));
}

}  // namespace ocelli::repository
