#include "tensor/mapped_block.hpp"

#include <sys/mman.h>

#include <cstring>
#include <new>
#include <utility>

namespace ocelli {
namespace {

constexpr std::size_t kPage = 4096;

void release_mapping(void* mapping) noexcept {
  std::size_t mapped = 0;
  std::memcpy(&mapped, mapping, sizeof mapped);
  ::munmap(mapping, mapped);
}

}  // namespace

MappedBlock::~MappedBlock() {
  if (mapping_) ::munmap(mapping_, mapped_);
}

void MappedBlock::reserve(std::size_t bytes) {
  if (bytes <= capacity() && mapping_) return;
  const std::size_t size = (bytes + kHeader + kPage - 1) / kPage * kPage;
  void* mapping = mapping_ ? ::mremap(mapping_, mapped_, size, MREMAP_MAYMOVE)
                           : ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) throw std::bad_alloc();
  mapping_ = static_cast<std::byte*>(mapping);
  mapped_ = size;
}

BufferRef MappedBlock::take() {
  std::memcpy(mapping_, &mapped_, sizeof mapped_);
  auto buffer = Buffer::wrap(data(), capacity(), release_mapping, mapping_);
  mapping_ = nullptr;
  mapped_ = 0;
  return buffer;
}

}  // namespace ocelli
