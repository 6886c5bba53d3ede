// UsualSize: when the memory that unusually large runs needed is to be given back.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>

#include "base/clock.hpp"

namespace ocelli {

// Of the runs of one model. Memory is to be given back once the largest run since the last time had more than `factor`
// times the bytes of inputs that runs have on average (over about 16 of them): at once after one that stands out, and
// later when runs have become smaller; but not more often than every ten seconds, since memory that is had back costs
// time: a page fault for each 4 KiB. Ordinary runs keep theirs. Thread-safe.
class UsualSize {
 public:
  // A card's memory is scarce. The host's is had back by faults that cost time, and batches of one to eight requests,
  // which dynamic batching makes, are nothing unusual.
  static constexpr double kCardFactor = 2;
  static constexpr double kHostFactor = 8;

  explicit UsualSize(double factor) noexcept : factor_(factor) {}

  // Once for each run, with the bytes of its inputs: whether memory is to be given back after it. Where that could not
  // be done, and gave_back() is not told, it says so again later.
  bool give_back_after(std::size_t input_bytes) noexcept {
    constexpr double kWeight = 1.0 / 16;
    const auto bytes = static_cast<double>(input_bytes);
    const double before = average_.load(std::memory_order_relaxed);
    const double average = before == 0 ? bytes : before + (bytes - before) * kWeight;
    const double largest = std::max(largest_.load(std::memory_order_relaxed), bytes);
    // Two runs at once may lose one update: the average stays an average, and a largest run is followed by others.
    average_.store(average, std::memory_order_relaxed);
    largest_.store(largest, std::memory_order_relaxed);
    return largest > factor_ * average && rested();
  }

  void gave_back() noexcept { largest_.store(0, std::memory_order_relaxed); }

 private:
  static constexpr std::chrono::seconds kRest{10};

  // True for one caller in ten seconds.
  bool rested() noexcept {
    const TimePoint now = Clock::now();
    TimePoint not_before = not_before_.load(std::memory_order_relaxed);
    return now >= not_before && not_before_.compare_exchange_strong(not_before, now + kRest);
  }

  const double factor_;
  std::atomic<double> average_{0};
  std::atomic<double> largest_{0};  // since the last giving back
  std::atomic<TimePoint> not_before_{TimePoint::min()};
};

}  // namespace ocelli
