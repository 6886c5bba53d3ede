#include "transport/shared_memory/shared_memory_registry.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <memory>
#include <system_error>

#include "transport/shared_memory/truncation_guard.hpp"

namespace ocelli::transport {
namespace {

constexpr std::size_t kMaxNameLength = 255;

// One mapped range of an open object; both end together.
struct Mapping {
  void* address = MAP_FAILED;
  std::size_t length = 0;
  int descriptor = -1;
  std::unique_ptr<TruncationGuard> guard;

  Mapping() = default;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    guard.reset();  // before the addresses may be another's
    if (address != MAP_FAILED) ::munmap(address, length);
    if (descriptor >= 0) ::close(descriptor);
  }
};

void release_mapping(void* context) noexcept { delete static_cast<Mapping*>(context); }

std::string system_reason(int error) { return std::generic_category().message(error); }

// The present size of the object in bytes; 0 when it cannot be told.
std::uint64_t object_size(int descriptor) noexcept {
  struct stat info {};
  return ::fstat(descriptor, &info) == 0 && info.st_size > 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

// shm_open() accepts one leading slash and no other; anything else could lead out of the folder of shared memory.
Status check_key(std::string_view name, std::string_view key) {
  const std::string_view file = key.starts_with('/') ? key.substr(1) : key;
  const bool good = !file.empty() && file.size() <= kMaxNameLength && file != "." && file != ".." &&
                    file.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
  if (good) return {};
  return invalid_argument(
      fmt::format("Invalid shared memory key '{}' - Expected: '/' and a file name of 1 to {} characters; region: {}",
                  key, kMaxNameLength, name));
}

Status check_range(std::string_view name, std::uint64_t offset, std::uint64_t byte_size, std::uint64_t available) {
  if (byte_size <= available && offset <= available - byte_size) return {};
  return invalid_argument(fmt::format(
      "Invalid shared memory range - Expected: at most {} bytes; Actual: offset {} and {} bytes; region: {}", available,
      offset, byte_size, name));
}

}  // namespace

Status SharedMemoryRegistry::register_region(std::string_view name, std::string_view key, std::uint64_t offset,
                                             std::uint64_t byte_size) {
  if (name.empty() || name.size() > kMaxNameLength) {
    return invalid_argument(fmt::format("Invalid shared memory region name - Expected: 1 to {} characters; Actual: {}",
                                        kMaxNameLength, name.size()));
  }
  if (auto status = check_key(name, key); !status.ok()) return status;
  if (byte_size == 0)
    return invalid_argument(
        fmt::format("Invalid shared memory byte_size - Expected: at least 1; Actual: 0; region: {}", name));

  const std::lock_guard lock(mutex_);
  if (entries_.contains(name)) {
    return {StatusCode::kAlreadyExists,
            fmt::format("Shared memory region with requested name is already registered - region: {}", name)};
  }
  if (entries_.size() >= max_regions_) {
    return {StatusCode::kResourceExhausted, fmt::format("Too many shared memory regions - Limit: {}", max_regions_)};
  }

  auto mapping = std::make_unique<Mapping>();
  mapping->descriptor = ::shm_open(std::string(key).c_str(), O_RDWR | O_CLOEXEC, 0);
  if (mapping->descriptor < 0) {
    return invalid_argument(
        fmt::format("Shared memory object '{}' cannot be opened: {}; region: {}", key, system_reason(errno), name));
  }
  if (auto status = check_range(name, offset, byte_size, object_size(mapping->descriptor)); !status.ok()) return status;

  // mmap() wants the offset on a page border; the rest of the way is walked in memory.
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t lead = offset % page;
  mapping->length = byte_size + lead;
  mapping->address = ::mmap(nullptr, mapping->length, PROT_READ | PROT_WRITE, MAP_SHARED, mapping->descriptor,
                            static_cast<off_t>(offset - lead));
  if (mapping->address == MAP_FAILED) {
    return invalid_argument(
        fmt::format("Shared memory object '{}' cannot be mapped: {}; region: {}", key, system_reason(errno), name));
  }
  mapping->guard = TruncationGuard::create(mapping->address, mapping->length);
  if (!mapping->guard) {
    return {StatusCode::kResourceExhausted,
            fmt::format("Too many shared memory regions in use - Limit: {}", TruncationGuard::kMost)};
  }

  Entry entry{{std::string(name), std::string(key), offset, byte_size},
              static_cast<std::byte*>(mapping->address) + lead,
              mapping->descriptor,
              mapping->guard.get(),
              {}};
  entry.mapping = Buffer::wrap(entry.data, byte_size, release_mapping, mapping.get());
  entry.mapping->watch(mapping->guard->flag());
  static_cast<void>(mapping.release());
  entries_.emplace(std::string(name), std::move(entry));
  return {};
}

void SharedMemoryRegistry::unregister(std::string_view name) {
  const std::lock_guard lock(mutex_);
  if (const auto found = entries_.find(name); found != entries_.end()) entries_.erase(found);
}

void SharedMemoryRegistry::unregister_all() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
}

Result<std::vector<SharedMemoryRegion>> SharedMemoryRegistry::status(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  std::vector<SharedMemoryRegion> regions;
  for (const auto& [key, entry] : entries_) {
    if (name.empty() || key == name) regions.push_back(entry.region);
  }
  if (!name.empty() && regions.empty()) {
    return not_found(fmt::format("Shared memory region with requested name is not found - region: {}", name));
  }
  return regions;
}

Result<SharedMemoryView> SharedMemoryRegistry::view(std::string_view name, std::uint64_t offset,
                                                    std::uint64_t byte_size) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end())
    return not_found(fmt::format("Shared memory region with requested name is not found - region: {}", name));
  const Entry& entry = found->second;
  if (auto status = check_range(name, offset, byte_size, entry.region.byte_size); !status.ok()) return status;
  if (entry.guard->hit()) {
    return failed_precondition(
        fmt::format("Shared memory object '{}' became smaller while it was in use - Expected: the region registered "
                    "anew; region: {}",
                    entry.region.key, name));
  }
  const std::uint64_t end = entry.region.offset + offset + byte_size;
  if (const auto size = object_size(entry.descriptor); end > size) {
    return invalid_argument(fmt::format(
        "Shared memory object '{}' became smaller - Expected: at least {} bytes; Actual: {} bytes; region: {}",
        entry.region.key, end, size, name));
  }
  return SharedMemoryView{entry.data + offset, static_cast<std::size_t>(byte_size), entry.mapping};
}

}  // namespace ocelli::transport
