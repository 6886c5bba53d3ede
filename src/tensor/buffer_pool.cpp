#include "tensor/buffer_pool.hpp"

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <bit>
#include <mutex>
#include <new>
#include <utility>

namespace ocelli {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHeader = (sizeof(Buffer) + kAlignment - 1) / kAlignment * kAlignment;
constexpr int kSmallestShift = 9;
constexpr int kLargestShift = 26;
constexpr int kClasses = kLargestShift - kSmallestShift + 1;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

int class_of(std::size_t size) noexcept {
  const int shift = static_cast<int>(std::bit_width(size > 1 ? size - 1 : 1));
  return shift <= kSmallestShift ? 0 : shift - kSmallestShift;
}

std::size_t class_bytes(int index) noexcept { return std::size_t{1} << (index + kSmallestShift); }

// Large blocks are mappings of their own, so that what a burst needed goes back to the system: a heap would keep it
// between other blocks.
bool is_mapped(int index) noexcept { return class_bytes(index) >= kHugePage; }

std::size_t mapped_bytes(int index) noexcept { return (kHeader + class_bytes(index) + kPage - 1) / kPage * kPage; }

void* allocate_block(int index) {
  if (!is_mapped(index)) return ::operator new(kHeader + class_bytes(index), std::align_val_t(kAlignment));
  void* block = ::mmap(nullptr, mapped_bytes(index), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) throw std::bad_alloc();
  ::madvise(block, mapped_bytes(index), MADV_HUGEPAGE);  // only advice: failure changes nothing
  return block;
}

void free_block(void* block, int index) noexcept {
  if (is_mapped(index)) {
    ::munmap(block, mapped_bytes(index));
  } else {
    ::operator delete(block, std::align_val_t(kAlignment));
  }
}

// An idle block: its first bytes link to the next one of its class.
struct FreeBlock {
  FreeBlock* next;
};

}  // namespace

struct BufferPool::State {
  struct FreeList {
    std::mutex mutex;
    FreeBlock* head = nullptr;
  };

  explicit State(std::size_t limit) : max_idle(limit) {}

  static void give_back(Buffer* buffer) noexcept;
  void* take(int index);
  void put(void* block, int index) noexcept;
  void free_all() noexcept;
  void unref() noexcept {
    if (references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      free_all();
      delete this;
    }
  }

  std::array<FreeList, kClasses> lists;
  std::atomic<std::size_t> idle{0};
  std::atomic<std::size_t> references{1};  // the pool itself and every buffer that is out
  std::atomic<bool> closed{false};
  const std::size_t max_idle;
};

void* BufferPool::State::take(int index) {
  auto& list = lists[static_cast<std::size_t>(index)];
  {
    const std::lock_guard lock(list.mutex);
    if (list.head) {
      idle.fetch_sub(class_bytes(index), std::memory_order_relaxed);
      return std::exchange(list.head, list.head->next);
    }
  }
  return allocate_block(index);
}

void BufferPool::State::put(void* block, int index) noexcept {
  const std::size_t bytes = class_bytes(index);
  if (closed.load(std::memory_order_relaxed) || idle.load(std::memory_order_relaxed) + bytes > max_idle)
    return free_block(block, index);
  auto& list = lists[static_cast<std::size_t>(index)];
  const std::lock_guard lock(list.mutex);
  list.head = new (block) FreeBlock{list.head};
  idle.fetch_add(bytes, std::memory_order_relaxed);
}

void BufferPool::State::free_all() noexcept {
  for (int index = 0; index < kClasses; ++index) {
    auto& list = lists[static_cast<std::size_t>(index)];
    const std::lock_guard lock(list.mutex);
    while (list.head) {
      free_block(std::exchange(list.head, list.head->next), index);
      idle.fetch_sub(class_bytes(index), std::memory_order_relaxed);
    }
  }
}

void BufferPool::State::give_back(Buffer* buffer) noexcept {
  auto* state = static_cast<State*>(buffer->context());
  const int index = class_of(buffer->size());
  buffer->~Buffer();
  state->put(buffer, index);
  state->unref();
}

BufferPool::BufferPool(std::size_t max_idle_bytes) : state_(new State(max_idle_bytes)) {}

BufferPool::~BufferPool() {
  state_->closed.store(true, std::memory_order_relaxed);
  state_->free_all();
  state_->unref();
}

BufferRef BufferPool::get(std::size_t size) {
  if (size > class_bytes(kClasses - 1)) return Buffer::allocate(size);
  const int index = class_of(size);
  auto* block = static_cast<std::byte*>(state_->take(index));
  state_->references.fetch_add(1, std::memory_order_relaxed);
  return BufferRef(new (block) Buffer(block + kHeader, class_bytes(index), State::give_back, state_));
}

std::size_t BufferPool::idle_bytes() const noexcept { return state_->idle.load(std::memory_order_relaxed); }
void BufferPool::trim() noexcept { state_->free_all(); }

}  // namespace ocelli
