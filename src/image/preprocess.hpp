// Preprocessor: encoded pictures to the tensor that a model takes, on the CPU or on a card.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/status.hpp"
#include "image/decode.hpp"
#include "image/image.hpp"
#include "tensor/buffer_pool.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli::image {

// A part of the decoded picture, in its pixels; width 0: all of it.
struct CropBox {
  std::size_t x = 0;
  std::size_t y = 0;
  std::size_t width = 0;
  std::size_t height = 0;
};

// Decode, crop, resize (resize.hpp's bilinear), order the channels, then (sample - mean) * factor. Samples are 0..255.
struct PreprocessPlan {
  // Of the tensor.
  std::size_t width = 0;
  std::size_t height = 0;
  std::size_t channels = 3;  // 3 or 1; gray becomes colour by repetition, colour becomes gray not at all (an error)
  CropBox crop;
  bool rgb = true;                  // else BGR
  bool planar = true;               // NCHW, else NHWC
  DataType type = DataType::kFp32;  // or kUint8: without mean and factor, resized in fixed point
  float mean[3] = {0, 0, 0};
  float factor[3] = {1, 1, 1};
  DecodeLimits limits;
};

// Bytes of the tensor of one picture.
[[nodiscard]] std::size_t tensor_bytes(const PreprocessPlan& plan) noexcept;

// Thread-safe.
class Preprocessor {
 public:
  virtual ~Preprocessor() = default;
  // "CPU", "CUDA.0 with nvJPEG 13".
  [[nodiscard]] virtual std::string name() const = 0;
  // Writes tensor_bytes(plan) bytes to out, in the host's memory. Errors: kInvalidArgument for a picture that cannot be
  // read, a crop that is not in it, or channels that do not fit; kResourceExhausted, kUnavailable of the card.
  virtual Status run(std::span<const std::byte> encoded, const PreprocessPlan& plan, std::byte* out) = 0;
  // The same for pixels that are decoded already.
  virtual Status run(const Image& picture, const PreprocessPlan& plan, std::byte* out) = 0;
};

// pool must outlive it.
std::unique_ptr<Preprocessor> make_cpu_preprocessor(BufferPool& pool);

// Checks the plan and the picture against each other and gives the part that is to be used. Errors: kInvalidArgument.
Result<CropBox> checked_crop(const PreprocessPlan& plan, std::size_t width, std::size_t height, PixelFormat format);

}  // namespace ocelli::image
