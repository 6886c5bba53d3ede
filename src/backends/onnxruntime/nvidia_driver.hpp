// What the NVIDIA driver and the CUDA library tell and do, both opened at run time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.hpp"

namespace ocelli::onnxruntime {

// A card as the NVIDIA driver tells it. Cards are in the driver's order, after CUDA_VISIBLE_DEVICES.
struct NvidiaCard {
  std::string name;
  std::uint64_t memory_bytes = 0;
  std::uint32_t compute_major = 0;  // compute capability, 9.0 for an H100
  std::uint32_t compute_minor = 0;

  // "sm_90".
  [[nodiscard]] std::string architecture() const;
  // Tensor cores compute FP32 products in TF32 from compute capability 8.0 on, BF16 too.
  [[nodiscard]] bool has_tf32() const noexcept { return compute_major >= 8; }
};

// Empty when there is no driver or no card.
std::vector<NvidiaCard> nvidia_cards();

// Version of the driver's CUDA interface ("13.0"); empty when there is no driver.
std::string nvidia_driver_version();

// Copies between host and card by the CUDA library (libcudart) that a provider has loaded.
class CudaCopy {
 public:
  // Errors: kUnavailable when no libcudart is loaded in this process.
  static Result<CudaCopy> open(std::uint32_t card);

  // Both block until the bytes are there; host should be pinned. Any thread. Errors: kResourceExhausted when the card's
  // memory is out, kUnavailable for any other fault of the card.
  [[nodiscard]] Status to_card(void* card, const void* host, std::size_t bytes) const;
  [[nodiscard]] Status to_host(void* host, const void* card, std::size_t bytes) const;

 private:
  [[nodiscard]] Status copy(void* to, const void* from, std::size_t bytes, int kind) const;

  std::uint32_t card_ = 0;
  int (*set_device_)(int) = nullptr;
  int (*memcpy_)(void*, const void*, std::size_t, int) = nullptr;
  const char* (*error_text_)(int) = nullptr;
};

}  // namespace ocelli::onnxruntime
