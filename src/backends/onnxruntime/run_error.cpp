#include "backends/onnxruntime/run_error.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace ocelli::onnxruntime {
namespace {

constexpr std::array<std::string_view, 9> kMemoryWords{"bad_alloc",
                                                       "out of memory",
                                                       "Failed to allocate memory",
                                                       "is smaller than requested bytes of",  // of an arena's limit
                                                       "Failed to find a free memory block",
                                                       "CUBLAS_STATUS_ALLOC_FAILED",
                                                       "CUDNN_STATUS_ALLOC_FAILED",
                                                       "HOST_ALLOCATION_FAILED",  // cuDNN 9 says whose memory
                                                       "DEVICE_ALLOCATION_FAILED"};

constexpr std::array<std::string_view, 5> kLostWords{"CUDA_ERROR_DEVICE_UNAVAILABLE", "device is lost",
                                                     "CUBLAS_STATUS_EXECUTION_FAILED", "CUDNN_STATUS_EXECUTION_FAILED",
                                                     "CUFFT_EXEC_FAILED"};

constexpr int kOutOfMemory = 2;  // cudaErrorMemoryAllocation
// Numbers of cudaError_t (driver_types.h) after which the card or the process's context on it cannot be used: no card,
// busy, not valid, uncorrectable memory or link, kernels that went astray or took too long, and "unknown error".
constexpr std::array kLostNumbers{46,  100, 101, 201, 214, 220, 700, 702, 709, 710,
                                  714, 715, 716, 717, 718, 719, 721, 802, 999};

bool contains_any(std::string_view text, const auto& words) noexcept {
  return std::ranges::any_of(words,
                             [text](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

// 719 of "CUDA failure 719: unspecified launch failure ; GPU=0 ; ..."; of several the first, which the others follow
// from.
std::optional<int> cuda_number(std::string_view text) noexcept {
  constexpr std::string_view kLead = "CUDA failure ";
  const auto at = text.find(kLead);
  if (at == std::string_view::npos) return std::nullopt;
  const auto rest = text.substr(at + kLead.size());
  int number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

}  // namespace

StatusCode code_of_message(std::string_view message, StatusCode fallback) noexcept {
  const auto number = cuda_number(message);
  if (number == kOutOfMemory || contains_any(message, kMemoryWords)) return StatusCode::kResourceExhausted;
  const bool lost = number && std::ranges::find(kLostNumbers, *number) != kLostNumbers.end();
  return lost || contains_any(message, kLostWords) ? StatusCode::kUnavailable : fallback;
}

bool refuses_to_shrink(std::string_view message) noexcept {
  return contains_any(message, std::array<std::string_view, 2>{"arena shrink list", "not an arena based allocator"});
}

}  // namespace ocelli::onnxruntime
