// ShrinkPolicy: after which runs a session's memory arena is to give back what it does not use.
#pragma once

#include <atomic>
#include <cstddef>

#include "backends/onnxruntime/provider_options.hpp"
#include "runtime/usual_size.hpp"

namespace ocelli::onnxruntime {

// Thread-safe; one for all requests of a model. ArenaShrinkage::kAuto does as UsualSize says.
class ShrinkPolicy {
 public:
  // Models whose shapes are all fixed always need the same memory, so AUTO never shrinks theirs. factor: UsualSize's.
  ShrinkPolicy(ArenaShrinkage wish, bool open_dimensions, double factor) noexcept
      : wish_(wish == ArenaShrinkage::kAuto && !open_dimensions ? ArenaShrinkage::kNo : wish), usual_(factor) {}

  // Called before a run with the bytes of its inputs.
  bool shrink_after(std::size_t input_bytes) noexcept {
    const ArenaShrinkage wish = wish_.load(std::memory_order_relaxed);
    if (wish != ArenaShrinkage::kAuto) return wish == ArenaShrinkage::kYes;
    const bool shrink = usual_.give_back_after(input_bytes);
    if (shrink) usual_.gave_back();
    return shrink;
  }

  // Never again: the session has no memory that could be given back.
  void stop() noexcept { wish_.store(ArenaShrinkage::kNo, std::memory_order_relaxed); }

 private:
  std::atomic<ArenaShrinkage> wish_;
  UsualSize usual_;
};

}  // namespace ocelli::onnxruntime
