// Preprocessor: encoded pictures to the tensor that a model takes, on the CPU or on a card.
#pragma once

#include <cstddef>
#include <functional>
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
  // 3, 1 or 4; gray becomes colour by repetition, and alpha is left out of 3. Colour becomes gray not at all, and
  // nothing gets alpha that has none (errors).
  std::size_t channels = 3;
  CropBox crop;
  bool rgb = true;                  // else BGR; alpha stays last
  bool planar = true;               // NCHW, else NHWC
  DataType type = DataType::kFp32;  // or kUint8: without mean and factor, resized in fixed point
  float mean[4] = {0, 0, 0, 0};
  float factor[4] = {1, 1, 1, 1};
  DecodeLimits limits;
};

// What is known of a picture before its pixels are.
struct PictureFacts {
  std::size_t width = 0;
  std::size_t height = 0;
  PixelFormat format = PixelFormat::kBgr;
};

// What a picture is to become, and where: tensor_bytes(plan) bytes from out on, in the host's memory.
struct PictureTarget {
  PreprocessPlan plan;
  std::byte* out = nullptr;
};

// Says what a picture is to become once its size is known. May be asked a second time for the same picture, when a
// card's decoder gave up on it. Its errors end the run.
using ChooseTarget = std::function<Result<PictureTarget>(const PictureFacts& picture)>;

// Bytes of the tensor of one picture.
[[nodiscard]] std::size_t tensor_bytes(const PreprocessPlan& plan) noexcept;

// Thread-safe.
class Preprocessor {
 public:
  virtual ~Preprocessor() = default;
  // "CPU", "CUDA.0 with nvJPEG 13".
  [[nodiscard]] virtual std::string name() const = 0;
  // Decodes within the limits (the plan's own are not looked at) and writes where choose says. Errors: kInvalidArgument
  // for a picture that cannot be read, a crop that is not in it, or channels that do not fit; those of choose;
  // kResourceExhausted, kUnavailable, kInternal of the card.
  virtual Status run(std::span<const std::byte> encoded, const DecodeLimits& limits, const ChooseTarget& choose) = 0;
  // The same for pixels that are decoded already; writes tensor_bytes(plan) bytes to out.
  virtual Status run(const Image& picture, const PreprocessPlan& plan, std::byte* out) = 0;
  // The same where the plan does not hang on the picture.
  Status run(std::span<const std::byte> encoded, const PreprocessPlan& plan, std::byte* out) {
    return run(encoded, plan.limits, [&](const PictureFacts&) -> Result<PictureTarget> {
      return PictureTarget{plan, out};
    });
  }
};

// pool must outlive it.
std::unique_ptr<Preprocessor> make_cpu_preprocessor(BufferPool& pool);

// Checks the plan and the picture against each other and gives the part that is to be used. Errors: kInvalidArgument.
Result<CropBox> checked_crop(const PreprocessPlan& plan, std::size_t width, std::size_t height, PixelFormat format);

}  // namespace ocelli::image
