// TruncationGuard: keeps the program alive when a client makes shared memory smaller while it is being used.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace ocelli::transport {

// While it lives: touching a page of the mapping that lies behind the end of its object finds zeros, where the kernel
// would otherwise end the process with SIGBUS. From the first such page on the mapping then is memory of this process
// alone, for good, and hit() says so. Every other SIGBUS is handled as it was before the first guard was made, which
// is when the program's handler is replaced. (libwayland guards its wl_shm buffers in the same way.)
// Thread-safe.
class TruncationGuard {
 public:
  // Guards of one process at the same time.
  static constexpr std::size_t kMost = 8192;

  // A mapping of shared memory, of bytes > 0, that begins at a page and outlives the guard. Null: kMost are guarded.
  static std::unique_ptr<TruncationGuard> create(void* mapping, std::size_t bytes);
  TruncationGuard(const TruncationGuard&) = delete;
  TruncationGuard& operator=(const TruncationGuard&) = delete;
  ~TruncationGuard();

  // A page that was gone has been touched.
  [[nodiscard]] bool hit() const noexcept { return range_.hit.load(std::memory_order_acquire); }

  // What hit() looks at; lives as long as the program.
  [[nodiscard]] const std::atomic<bool>& flag() const noexcept { return range_.hit; }

  // A guarded range of addresses, where the signal's handler finds it.
  struct Range {
    std::atomic<bool> taken{false};
    std::atomic<std::uintptr_t> begin{0};  // 0: not guarded
    std::atomic<std::uintptr_t> end{0};
    std::atomic<bool> hit{false};
  };

 private:
  explicit TruncationGuard(Range& range) noexcept : range_(range) {}
  Range& range_;
};

}  // namespace ocelli::transport
