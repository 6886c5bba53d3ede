// VersionPolicy: which of the versions that a repository holds are served.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"

namespace ocelli::repository {

// A positive integer: the name of a version folder.
using Version = std::int64_t;

// Default: the one highest version (OVMS's default).
struct VersionPolicy {
  enum class Kind : std::uint8_t { kAll, kLatest, kSpecific };
  Kind kind = Kind::kLatest;
  std::uint32_t latest_count = 1;   // kLatest: how many of the highest, >= 1
  std::vector<Version> specific{};  // kSpecific: ascending, each >= 1, no duplicates

  friend bool operator==(const VersionPolicy&, const VersionPolicy&) = default;
};

// The versions to serve, ascending, out of those available (any order, no duplicates). Pure.
std::vector<Version> select_versions(const VersionPolicy& policy, std::vector<Version> available);

// From the JSON text that --model_version_policy takes: exactly one of {"all":{}}, {"latest":{"num_versions":N}} with N
// >= 1 (default 1) and
// {"specific":{"versions":[V, ...]}} with each V >= 1. kInvalidArgument names what was expected.
Result<VersionPolicy> parse_version_policy(std::string_view json);

// "all", "latest 2", "specific 1,3".
std::string to_string(const VersionPolicy& policy);

}  // namespace ocelli::repository
