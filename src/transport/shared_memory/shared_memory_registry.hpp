// SharedMemoryRegistry: regions of POSIX shared memory that clients named, so that tensors can pass without being sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "tensor/buffer.hpp"

namespace ocelli::transport {

class TruncationGuard;

// What a client registered. Sizes and offsets are bytes.
struct SharedMemoryRegion {
  std::string name;          // how requests call it
  std::string key;           // name of the POSIX object, as shm_open() takes it: "/input_data"
  std::uint64_t offset = 0;  // where the region begins in the object
  std::uint64_t byte_size = 0;
};

// A piece of a region. owner keeps it mapped, also after the region was unregistered.
struct SharedMemoryView {
  std::byte* data = nullptr;
  std::size_t bytes = 0;
  BufferRef owner;
};

// Thread-safe. Memory is unmapped when the region is unregistered and no view of it is left. view() allocates nothing.
//
// The object belongs to the client, who may make it smaller at any time. view() looks at its present size. What is gone
// while a view is in use reads as zeros (see TruncationGuard), as does what its file system has no room for when it is
// written; its owner says so (Buffer::lost), and from then on the region is refused.
class SharedMemoryRegistry {
 public:
  static constexpr std::size_t kDefaultMaxRegions = 4096;

  explicit SharedMemoryRegistry(std::size_t max_regions = kDefaultMaxRegions) : max_regions_(max_regions) {}
  SharedMemoryRegistry(const SharedMemoryRegistry&) = delete;
  SharedMemoryRegistry& operator=(const SharedMemoryRegistry&) = delete;

  // Maps [offset, offset + byte_size) of the object for reading and writing. Errors: kInvalidArgument (empty name, bad
  // key, object that cannot be opened or is too small, size 0), kAlreadyExists (name in use), kResourceExhausted
  // (max_regions reached).
  Status register_region(std::string_view name, std::string_view key, std::uint64_t offset, std::uint64_t byte_size);

  // A name that is not registered is no error: clients clear up before they begin.
  void unregister(std::string_view name);
  void unregister_all();

  // All regions in name order, or the one that is named. Errors: kNotFound.
  [[nodiscard]] Result<std::vector<SharedMemoryRegion>> status(std::string_view name = {}) const;

  // Bytes [offset, offset + byte_size) of a region. Errors: kNotFound (no such region), kInvalidArgument (beyond its
  // end, or the object shrank), kFailedPrecondition (it shrank while it was in use).
  [[nodiscard]] Result<SharedMemoryView> view(std::string_view name, std::uint64_t offset,
                                              std::uint64_t byte_size) const;

 private:
  struct Entry {
    SharedMemoryRegion region;
    std::byte* data = nullptr;               // the region's first byte
    int descriptor = -1;                     // owned by mapping
    const TruncationGuard* guard = nullptr;  // owned by mapping
    BufferRef mapping;
  };

  const std::size_t max_regions_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace ocelli::transport
