#include "server/descriptor_share.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace ocelli::server {
namespace {

// For the program itself: its libraries, its epolls and timers, and what is open while models load.
constexpr std::uint64_t kLeastOwn = 128;
constexpr std::uint64_t kMostOwn = 1024;
constexpr std::uint64_t kOwnPart = 4;
// Regions may take a quarter of the rest.
constexpr std::uint64_t kRegionsPart = 4;

}  // namespace

DescriptorShare share_descriptors(std::uint64_t limit, DescriptorShare wanted) noexcept {
  const auto own = std::clamp(limit / kOwnPart, kLeastOwn, kMostOwn);
  const auto rest = limit > own ? limit - own : 0;
  const auto regions = std::clamp<std::uint64_t>(rest / kRegionsPart, 1, std::max<std::size_t>(wanted.regions, 1));
  const auto left = rest > regions ? rest - regions : 0;
  return {std::clamp<std::uint64_t>(left, 1, std::max<std::size_t>(wanted.connections, 1)), regions};
}

std::uint64_t open_files_limit() noexcept {
  rlimit files{};
  return ::getrlimit(RLIMIT_NOFILE, &files) == 0 ? files.rlim_cur : RLIM_INFINITY;
}

}  // namespace ocelli::server
