#include "tensor/buffer.hpp"

#include <new>

namespace ocelli {
namespace {

constexpr std::size_t kAlignment = 64;
// The Buffer object sits in front of its bytes, in the same block.
constexpr std::size_t kHeader = (sizeof(Buffer) + kAlignment - 1) / kAlignment * kAlignment;

void release_heap(Buffer* self) noexcept {
  self->~Buffer();
  ::operator delete(static_cast<void*>(self), std::align_val_t(kAlignment));
}

struct Wrapped {
  void (*release)(void*) noexcept;
  void* context;
};

void release_wrapped(Buffer* self) noexcept {
  auto* wrapped = static_cast<Wrapped*>(self->context());
  if (wrapped->release) wrapped->release(wrapped->context);
  delete wrapped;
  delete self;
}

}  // namespace

BufferRef Buffer::allocate(std::size_t size) {
  auto* block = static_cast<std::byte*>(::operator new(kHeader + size, std::align_val_t(kAlignment)));
  return BufferRef(new (block) Buffer(block + kHeader, size, release_heap, nullptr));
}

BufferRef Buffer::wrap(std::byte* data, std::size_t size, void (*release)(void* context) noexcept, void* context) {
  return BufferRef(new Buffer(data, size, release_wrapped, new Wrapped{release, context}));
}

}  // namespace ocelli
