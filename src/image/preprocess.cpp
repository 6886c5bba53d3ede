#include "image/preprocess.hpp"

#include <fmt/format.h>

#include <cstring>

#include "image/resize.hpp"

namespace ocelli::image {
namespace {

// Where sample c of the picture's pixel, in BGR order, goes in the tensor.
struct Placing {
  std::size_t pixels;
  std::size_t channels;
  bool rgb;
  bool planar;

  [[nodiscard]] std::size_t at(std::size_t pixel, std::size_t c) const noexcept {
    return planar ? c * pixels + pixel : pixel * channels + c;
  }
  // Which of the picture's samples channel c of the tensor is.
  [[nodiscard]] std::size_t source(std::size_t c, std::size_t given) const noexcept {
    if (given == 1) return 0;
    return rgb && c < 3 ? 2 - c : c;
  }
};

template <typename Sample, typename Out, typename Convert>
void place(const Sample* samples, std::size_t given, const PreprocessPlan& plan, Out* out, Convert convert) {
  const Placing placing{plan.width * plan.height, plan.channels, plan.rgb, plan.planar};
  for (std::size_t pixel = 0; pixel < placing.pixels; ++pixel) {
    for (std::size_t c = 0; c < plan.channels; ++c)
      out[placing.at(pixel, c)] = convert(samples[pixel * given + placing.source(c, given)], c);
  }
}

// The tensor's samples are the picture's, in its order.
bool is_plain(const PreprocessPlan& plan, std::size_t given) noexcept {
  bool same = given == plan.channels && !plan.planar && (!plan.rgb || given == 1);
  for (std::size_t c = 0; c < plan.channels; ++c) same = same && plan.mean[c] == 0 && plan.factor[c] == 1;
  return same;
}

Image cropped(const Image& picture, const CropBox& box, BufferPool& pool) {
  if (box.width == picture.width && box.height == picture.height) return picture;
  Image part{box.width, box.height, picture.format, {}};
  part.pixels = pool.get(part.bytes());
  for (std::size_t y = 0; y < box.height; ++y)
    std::memcpy(part.row(y), picture.row(box.y + y) + box.x * channels(picture.format), part.row_bytes());
  return part;
}

class CpuPreprocessor final : public Preprocessor {
 public:
  explicit CpuPreprocessor(BufferPool& pool) : pool_(pool) {}

  [[nodiscard]] std::string name() const override { return "CPU"; }

  using Preprocessor::run;

  Status run(std::span<const std::byte> encoded, const DecodeLimits& limits, const ChooseTarget& choose) override {
    const auto picture = decode(encoded, pool_, limits);
    if (!picture.ok()) return picture.status();
    const auto target = choose({picture->width, picture->height, picture->format});
    return target.ok() ? run(*picture, target->plan, target->out) : target.status();
  }

  Status run(const Image& picture, const PreprocessPlan& plan, std::byte* out) override {
    const auto box = checked_crop(plan, picture.width, picture.height, picture.format);
    if (!box.ok()) return box.status();
    const Image part = cropped(picture, *box, pool_);
    const std::size_t given = channels(part.format);
    if (plan.type == DataType::kUint8) {
      const Image resized = resize_bilinear(part, plan.width, plan.height, pool_);
      place(resized.data(), given, plan, reinterpret_cast<std::uint8_t*>(out),
            [](std::uint8_t sample, std::size_t) { return sample; });
      return {};
    }
    const auto normalised = [&](auto sample, std::size_t c) {
      return (static_cast<float>(sample) - plan.mean[c]) * plan.factor[c];
    };
    auto* floats = reinterpret_cast<float*>(out);
    // Resizing to the same size would give the same samples, and placing them the same order.
    if (part.width == plan.width && part.height == plan.height) {
      place(part.data(), given, plan, floats, normalised);
    } else if (is_plain(plan, given)) {
      resize_bilinear_f32(part, plan.width, plan.height, floats);
    } else {
      const auto samples = pool_.get(plan.width * plan.height * given * sizeof(float));
      auto* resized = reinterpret_cast<float*>(samples->data());
      resize_bilinear_f32(part, plan.width, plan.height, resized);
      place(resized, given, plan, floats, normalised);
    }
    return {};
  }

 private:
  BufferPool& pool_;
};

}  // namespace

std::size_t tensor_bytes(const PreprocessPlan& plan) noexcept {
  return plan.width * plan.height * plan.channels * element_size(plan.type);
}

std::unique_ptr<Preprocessor> make_cpu_preprocessor(BufferPool& pool) {
  return std::make_unique<CpuPreprocessor>(pool);
}

Result<CropBox> checked_crop(const PreprocessPlan& plan, std::size_t width, std::size_t height, PixelFormat format) {
  if (plan.width == 0 || plan.height == 0 || (plan.channels != 1 && plan.channels != 3 && plan.channels != 4) ||
      (plan.type != DataType::kUint8 && plan.type != DataType::kFp32)) {
    return invalid_argument(fmt::format("a picture cannot become {}x{} pixels of {} channels of {}", plan.width,
                                        plan.height, plan.channels, kserve_name(plan.type)));
  }
  if (plan.channels == 1 && format != PixelFormat::kGray)
    return invalid_argument(fmt::format("the picture has {} channels; expected 1", channels(format)));
  if (plan.channels == 4 && format != PixelFormat::kBgra)
    return invalid_argument(fmt::format("the picture has {} channels; expected 4", channels(format)));
  if (plan.crop.width == 0) return CropBox{0, 0, width, height};
  const CropBox& box = plan.crop;
  const bool inside =
      box.height > 0 && box.x < width && box.y < height && box.width <= width - box.x && box.height <= height - box.y;
  if (!inside) {
    return invalid_argument(fmt::format("the part {}x{} at ({},{}) does not lie in a picture of {}x{}", box.width,
                                        box.height, box.x, box.y, width, height));
  }
  return box;
}

}  // namespace ocelli::image
