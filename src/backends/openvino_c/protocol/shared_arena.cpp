#include "backends/openvino_c/protocol/shared_arena.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ocelli::openvino_c {
namespace {

constexpr std::uint64_t kPage = 4096;

Status exhausted(const char* what) {
  return {StatusCode::kResourceExhausted, fmt::format("shared memory: {}: {}", what, std::strerror(errno))};
}

}  // namespace

SharedArena::SharedArena(SharedArena&& other) noexcept
    : fd_(std::move(other.fd_)), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

SharedArena& SharedArena::operator=(SharedArena&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

SharedArena::~SharedArena() { unmap(); }

Result<SharedArena> SharedArena::create() {
  Descriptor fd(::memfd_create("ocelli-tensors", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return exhausted("memfd_create");
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK) != 0) return exhausted("F_ADD_SEALS");
  return SharedArena(std::move(fd));
}

SharedArena SharedArena::adopt(Descriptor fd) { return SharedArena(std::move(fd)); }

Status SharedArena::reserve(std::uint64_t bytes) {
  if (bytes <= size_) return {};
  if (bytes > kMaxBytes) {
    return {StatusCode::kResourceExhausted,
            fmt::format("a request's tensors take {} bytes; at most {} fit", bytes, kMaxBytes)};
  }
  // Half as much again, so that shapes that creep upward do not grow it each time.
  const std::uint64_t wanted = std::min(kMaxBytes, (bytes + (size_ == 0 ? 0 : bytes / 2) + kPage - 1) / kPage * kPage);
  struct stat state {};
  if (::fstat(fd_.get(), &state) != 0) return exhausted("fstat");
  const auto have = static_cast<std::uint64_t>(state.st_size);
  if (have < wanted && ::ftruncate(fd_.get(), static_cast<off_t>(wanted)) != 0) return exhausted("ftruncate");
  return map(std::max(have, wanted));
}

Status SharedArena::follow(std::uint64_t bytes) {
  if (bytes <= size_) return {};
  struct stat state {};
  if (::fstat(fd_.get(), &state) != 0) return exhausted("fstat");
  const auto have = static_cast<std::uint64_t>(state.st_size);
  if (have < bytes || have > kMaxBytes)
    return internal_error(fmt::format("a tensor ends at {}, beyond the shared memory's {} bytes", bytes, have));
  return map(have);
}

Status SharedArena::map(std::uint64_t bytes) {
  void* mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
  if (mapped == MAP_FAILED) return exhausted("mmap");
  unmap();
  data_ = static_cast<std::byte*>(mapped);
  size_ = bytes;
  return {};
}

void SharedArena::unmap() noexcept {
  if (data_) ::munmap(data_, size_);
  data_ = nullptr;
  size_ = 0;
}

}  // namespace ocelli::openvino_c
