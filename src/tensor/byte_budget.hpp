// ByteBudget: bounds the memory that the requests of one server take together.
#pragma once

#include <atomic>
#include <cstddef>
#include <limits>
#include <string_view>

#include "base/status.hpp"

namespace ocelli {

// Thread-safe, lock-free.
class ByteBudget {
 public:
  // Up to so many bytes of one request are not worth counting: that is an atomic operation that all threads share.
  static constexpr std::size_t kUncountedBytes = std::size_t{64} * 1024;

  // max_bytes 0: no limit. option: by what an operator raises it, such as "--rest_memory_quota"; a literal.
  explicit ByteBudget(std::size_t max_bytes, std::string_view option = {}) noexcept
      : max_bytes_(max_bytes != 0 ? max_bytes : std::numeric_limits<std::size_t>::max()), option_(option) {}

  // False when that would be more than the maximum; nothing is taken then.
  [[nodiscard]] bool take(std::size_t bytes) noexcept {
    const auto before = taken_.fetch_add(bytes, std::memory_order_relaxed);
    if (bytes <= max_bytes_ && before <= max_bytes_ - bytes) return true;
    give_back(bytes);
    return false;
  }
  // Whether so many bytes could be taken now.
  [[nodiscard]] bool has(std::size_t bytes) const noexcept {
    return bytes <= max_bytes_ && taken() <= max_bytes_ - bytes;
  }
  // Returns what was taken.
  void give_back(std::size_t bytes) noexcept { taken_.fetch_sub(bytes, std::memory_order_relaxed); }

  // Bytes that are taken at this moment.
  [[nodiscard]] std::size_t taken() const noexcept { return taken_.load(std::memory_order_relaxed); }
  // kResourceExhausted for a request whose further bytes could not be taken: the limit, what is taken of it, and what
  // helps.
  [[nodiscard]] Status refusal(std::size_t bytes) const;

 private:
  std::atomic<std::size_t> taken_{0};
  std::size_t max_bytes_;
  std::string_view option_;
};

}  // namespace ocelli
