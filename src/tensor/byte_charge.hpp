// ByteCharge: what one request has taken of a ByteBudget; given back with it.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "tensor/byte_budget.hpp"

namespace ocelli {

// Without a budget everything is allowed and only counted. The budget lives as long as a charge that is bound to it.
// Not thread-safe, but may be passed from thread to thread with its request.
class ByteCharge {
 public:
  ByteCharge() noexcept = default;
  explicit ByteCharge(std::shared_ptr<ByteBudget> budget) noexcept : budget_(std::move(budget)) {}
  ByteCharge(ByteCharge&& other) noexcept { *this = std::move(other); }
  ByteCharge& operator=(ByteCharge&& other) noexcept {
    if (this == &other) return *this;
    clear();
    budget_ = std::move(other.budget_);
    held_ = std::exchange(other.held_, 0);
    taken_ = std::exchange(other.taken_, 0);
    uncounted_ = other.uncounted_;
    refused_ = std::exchange(other.refused_, 0);
    return *this;
  }
  ~ByteCharge() { clear(); }

  // Charges that budget from now on; costs nothing when it is the same as before. What was held is given back.
  // uncounted: up to so many bytes are not worth an atomic operation that all threads share.
  void bind(const std::shared_ptr<ByteBudget>& budget, std::size_t uncounted) noexcept {
    clear();
    if (budget_ != budget) budget_ = budget;
    uncounted_ = uncounted;
  }

  // Takes so many bytes more. False when the budget has not so much left: then nothing is taken, and refused() is true.
  [[nodiscard]] bool add(std::size_t bytes) noexcept {
    if (bytes == 0) return true;
    const std::size_t wanted = held_ + bytes;
    if (budget_ && wanted > uncounted_) {
      if (!budget_->take(wanted - taken_)) {
        refused_ = bytes;
        return false;
      }
      taken_ = wanted;
    }
    held_ = wanted;
    return true;
  }
  // Gives some of them back.
  void give_back(std::size_t bytes) noexcept {
    held_ -= bytes;
    if (taken_ <= held_) return;
    budget_->give_back(taken_ - held_);
    taken_ = held_;
  }
  // Gives everything back and forgets that something was refused.
  void clear() noexcept {
    give_back(held_);
    refused_ = 0;
  }
  // Everything that is held goes to the charge that is returned.
  [[nodiscard]] ByteCharge hand_over() noexcept {
    ByteCharge other(budget_);
    other.held_ = std::exchange(held_, 0);
    other.taken_ = std::exchange(taken_, 0);
    return other;
  }

  // What it is bound to; null: nothing.
  [[nodiscard]] const std::shared_ptr<ByteBudget>& budget() const noexcept { return budget_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return held_; }
  [[nodiscard]] bool refused() const noexcept { return refused_ != 0; }
  // When refused(): what to tell the client, kResourceExhausted.
  [[nodiscard]] Status refusal() const { return budget_->refusal(refused_); }

 private:
  std::shared_ptr<ByteBudget> budget_;
  std::size_t held_ = 0;
  std::size_t taken_ = 0;  // of the budget: held_, or less while that is not worth counting
  std::size_t uncounted_ = 0;
  std::size_t refused_ = 0;
};

}  // namespace ocelli
