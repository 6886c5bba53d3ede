// DescriptorShare: how the files that the process may have open are shared out.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ocelli::server {

// How many of each may be there at a time, so that some files are always left for models, config.json, logs and caches.
// A plain value.
struct DescriptorShare {
  std::size_t connections = 0;  // of all listeners together
  std::size_t regions = 0;      // of shared memory
};

// limit: files that the process may have open (RLIMIT_NOFILE). wanted: what there is to be when the limit allows it; a
// smaller limit cuts both, but never to less than one.
DescriptorShare share_descriptors(std::uint64_t limit, DescriptorShare wanted) noexcept;

// RLIMIT_NOFILE of this process as it is now.
std::uint64_t open_files_limit() noexcept;

}  // namespace ocelli::server
