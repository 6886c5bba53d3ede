// ShrinkPolicy: after which runs the card's memory arena is to give back what it does not use.
#pragma once

#include <atomic>
#include <cstddef>

#include "backends/onnxruntime/provider_options.hpp"

namespace ocelli::onnxruntime {

// Thread-safe; one for all requests of a model. With ArenaShrinkage::kAuto a run counts as much larger than usual when
// its inputs have more than twice the bytes of the running average over about 16 runs; the arena then gives back, and
// ordinary runs keep theirs.
class ShrinkPolicy {
 public:
  // Models whose shapes are all fixed always need the same memory, so AUTO never shrinks theirs.
  ShrinkPolicy(ArenaShrinkage wish, bool open_dimensions) noexcept
      : wish_(wish == ArenaShrinkage::kAuto && !open_dimensions ? ArenaShrinkage::kNo : wish) {}

  // Called before a run with the bytes of its inputs.
  bool shrink_after(std::size_t input_bytes) noexcept {
    const ArenaShrinkage wish = wish_.load(std::memory_order_relaxed);
    if (wish != ArenaShrinkage::kAuto) return wish == ArenaShrinkage::kYes;
    constexpr double kWeight = 1.0 / 16;
    const auto bytes = static_cast<double>(input_bytes);
    const double average = average_.load(std::memory_order_relaxed);
    // Two runs at once may lose one update; the average stays an average.
    average_.store(average == 0 ? bytes : average + (bytes - average) * kWeight, std::memory_order_relaxed);
    return average > 0 && bytes > 2 * average;
  }

  // Never again: the session has no memory that could be given back.
  void stop() noexcept { wish_.store(ArenaShrinkage::kNo, std::memory_order_relaxed); }

 private:
  std::atomic<ArenaShrinkage> wish_;
  std::atomic<double> average_{0};
};

}  // namespace ocelli::onnxruntime
