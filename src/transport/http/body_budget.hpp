// BodyBudget: bounds the memory that the request bodies of one server take together.
#pragma once

#include <atomic>
#include <cstddef>
#include <limits>

namespace ocelli::transport {

// Thread-safe, lock-free.
class BodyBudget {
 public:
  // max_bytes 0: no limit.
  explicit BodyBudget(std::size_t max_bytes) noexcept
      : max_bytes_(max_bytes != 0 ? max_bytes : std::numeric_limits<std::size_t>::max()) {}

  // False when that would be more than the maximum; nothing is taken then.
  bool take(std::size_t bytes) noexcept {
    const auto before = taken_.fetch_add(bytes, std::memory_order_relaxed);
    if (bytes <= max_bytes_ && before <= max_bytes_ - bytes) return true;
    give_back(bytes);
    return false;
  }
  // Returns what was taken.
  void give_back(std::size_t bytes) noexcept { taken_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> taken_{0};
  std::size_t max_bytes_;
};

}  // namespace ocelli::transport
