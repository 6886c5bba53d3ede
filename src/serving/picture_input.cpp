#include "serving/picture_input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "image/decode.hpp"
#include "serving/request_validation.hpp"
#include "tensor/half.hpp"
#include "tensor/string_tensor.hpp"

namespace ocelli::serving {
namespace {

// Positions of the dimensions in the model's shape.
struct PictureAxes {
  std::size_t channels;
  std::size_t height;
  std::size_t width;
  [[nodiscard]] bool planar() const noexcept { return channels < height; }
};

bool may_be_channels(const Dimension& dim) noexcept {
  return dim.is_static() && (dim.min == 1 || dim.min == 3 || dim.min == 4);
}

// From letters such as "NCHW" or "N?HWC"; empty when they do not name all three.
std::optional<PictureAxes> axes_by_letters(std::string_view layout, std::size_t rank) noexcept {
  if (layout.size() != rank) return std::nullopt;
  const auto c = layout.find('C');
  const auto h = layout.find('H');
  const auto w = layout.find('W');
  if (c == std::string_view::npos || h == std::string_view::npos || w == std::string_view::npos) return std::nullopt;
  return PictureAxes{c, h, w};
}

PictureAxes picture_axes(const TensorSpec& spec) noexcept {
  const auto rank = spec.shape.dims.size();
  if (const auto named = axes_by_letters(spec.layout, rank)) return *named;
  const auto first = rank - 3;  // the three dimensions of one picture
  const bool planar = may_be_channels(spec.shape.dims[first]) && !may_be_channels(spec.shape.dims[first + 2]);
  return planar ? PictureAxes{first, first + 1, first + 2} : PictureAxes{first + 2, first, first + 1};
}

template <typename T>
T convert(float value) noexcept {
  if constexpr (std::is_floating_point_v<T>) {
    return value;
  } else {
    // Rounds half to even and saturates, as OpenCV's saturate_cast.
    const float rounded = std::nearbyint(value);
    return static_cast<T>(std::clamp(rounded, static_cast<float>(std::numeric_limits<T>::min()),
                                     static_cast<float>(std::numeric_limits<T>::max())));
  }
}

// Stand-in for a type of the language that C++20 lacks.
struct Half {
  std::uint16_t bits;
};
template <>
Half convert<Half>(float value) noexcept {
  return {float_to_fp16(value)};
}

struct Extent {
  std::size_t height;
  std::size_t width;
  std::size_t channels;
  [[nodiscard]] std::size_t samples() const noexcept { return height * width * channels; }
  friend bool operator==(const Extent&, const Extent&) = default;
};

// Processors give FP32 and UINT8; what the model takes else is made of the first. False for a type that pixels do not
// convert to; nothing is written then, nor where count is 0.
template <typename T>
bool convert_all(const float* samples, std::size_t count, std::byte* out) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    const T value = convert<T>(samples[i]);
    std::memcpy(out + i * sizeof(T), &value, sizeof(T));
  }
  return true;
}

bool convert_all(DataType type, const float* samples, std::size_t count, std::byte* out) noexcept {
  switch (type) {
    case DataType::kFp64:
      return convert_all<double>(samples, count, out);
    case DataType::kFp16:
      return convert_all<Half>(samples, count, out);
    case DataType::kInt8:
      return convert_all<std::int8_t>(samples, count, out);
    case DataType::kUint16:
      return convert_all<std::uint16_t>(samples, count, out);
    case DataType::kInt16:
      return convert_all<std::int16_t>(samples, count, out);
    case DataType::kInt32:
      return convert_all<std::int32_t>(samples, count, out);
    default:
      return false;
  }
}

bool is_given_by_processors(DataType type) noexcept { return type == DataType::kFp32 || type == DataType::kUint8; }

// Most bytes that the pictures of one input may become.
constexpr std::size_t kMaxPictureBytes = std::size_t{1} << 30;

// The size a picture gets: its own where the model leaves it open, else the nearest that the model takes.
std::size_t fit(std::size_t actual, const Dimension& dim) noexcept {
  auto size = std::max(static_cast<std::int64_t>(actual), std::max<std::int64_t>(dim.min, 1));
  if (dim.max != Dimension::kUnbounded) size = std::min(size, dim.max);
  return static_cast<std::size_t>(size);
}

// Pictures are packed as HWC or CHW, one behind the other.
Status check_layout(std::string_view name, const TensorSpec& spec) {
  const auto rank = spec.shape.dims.size();
  const auto named = axes_by_letters(spec.layout, rank);
  if (!named) return {};
  const bool last = named->channels == rank - 1 && named->height == rank - 3;
  const bool first = named->channels == rank - 3 && named->height == rank - 2;
  if ((last || first) && named->height + 1 == named->width) return {};
  return invalid_argument(
      fmt::format("Received binary image input but resource not configured to accept NHWC layout - Expected: NHWC, "
                  "NCHW or N?HWC; Actual: {}; input name: {}",
                  spec.layout, name));
}

// The tensor's shape for `count` pictures of that extent.
Shape tensor_shape(std::size_t rank, const PictureAxes& axes, std::size_t count, const Extent& extent) noexcept {
  Shape shape;
  for (std::size_t i = 0; i < rank; ++i) shape.push_back(1);
  shape[0] = static_cast<std::int64_t>(count);
  shape[axes.channels] = static_cast<std::int64_t>(extent.channels);
  shape[axes.height] = static_cast<std::int64_t>(extent.height);
  shape[axes.width] = static_cast<std::int64_t>(extent.width);
  return shape;
}

Status check_size(std::string_view name, std::size_t count, std::size_t picture_bytes) {
  if (count == 0 || picture_bytes <= kMaxPictureBytes / count) return {};
  return invalid_argument(
      fmt::format("Binary input images are too large - Limit: {} bytes; Actual: {} x {} bytes; input name: {}",
                  kMaxPictureBytes, count, picture_bytes, name));
}

Status unreadable(std::string_view name, const Status& why) {
  return invalid_argument(fmt::format("Image parsing failed - {}; input name: {}", why.message(), name));
}

// The pictures of one input on their way into its tensor.
class PictureBatch {
 public:
  PictureBatch(std::string_view name, const TensorSpec& spec, std::size_t count, ChargedPool pool)
      : name_(name), spec_(spec), axes_(picture_axes(spec)), count_(count), pool_(pool) {}

  Status add(std::span<const std::byte> file, image::Preprocessor& processor) {
    refusal_ = {};
    auto status =
        processor.run(file, image::DecodeLimits{}, [this](const image::PictureFacts& facts) { return choose(facts); });
    if (!refusal_.ok()) return refusal_;
    if (!status.ok() && status.code() != StatusCode::kInvalidArgument) return status;
    if (!status.ok()) return unreadable(name_, status);
    if (!is_given_by_processors(spec_.type))
      convert_all(spec_.type, reinterpret_cast<const float*>(scratch_->data()), extent_->samples(), place());
    ++added_;
    return {};
  }
  Tensor take() { return std::move(tensor_); }
  // For a list without pictures: the least size that the model takes, with nothing in it.
  Result<Tensor> none() {
    const auto& dims = spec_.shape.dims;
    const auto status = begin({fit(0, dims[axes_.height]), fit(0, dims[axes_.width]), fit(0, dims[axes_.channels])});
    return status.ok() ? Result<Tensor>(take()) : status;
  }

 private:
  [[nodiscard]] std::byte* place() const noexcept { return tensor_.view.data + added_ * picture_bytes_; }

  // What becomes of the next picture. Processors may ask twice for it, and only the first picture decides for all.
  Result<image::PictureTarget> choose(const image::PictureFacts& facts) {
    refusal_ = check(facts);
    if (!refusal_.ok()) return refusal_;
    image::PictureTarget target;
    auto& plan = target.plan;
    plan.width = extent_->width;
    plan.height = extent_->height;
    plan.channels = extent_->channels;
    plan.rgb = false;
    plan.planar = axes_.planar();
    plan.type = spec_.type == DataType::kUint8 ? DataType::kUint8 : DataType::kFp32;
    target.out = place();
    if (!is_given_by_processors(spec_.type)) {
      if (!scratch_) scratch_ = pool_.get(image::tensor_bytes(plan));
      target.out = scratch_->data();
    }
    return target;
  }

  Status check(const image::PictureFacts& facts) {
    const auto& dims = spec_.shape.dims;
    const auto channels = image::channels(facts.format);
    if (!dims[axes_.channels].accepts(static_cast<std::int64_t>(channels))) {
      const auto expected = PartialShape{{dims[axes_.channels]}, true}.to_string();
      return wrong_channels(expected.substr(1, expected.size() - 2), channels);
    }
    const Extent wanted{fit(facts.height, dims[axes_.height]), fit(facts.width, dims[axes_.width]), channels};
    if (!extent_) return begin(wanted);
    if (wanted == *extent_) return {};
    if (wanted.channels != extent_->channels) return wrong_channels(std::to_string(extent_->channels), wanted.channels);
    return invalid_argument(
        fmt::format("Binary input images for this endpoint are required to have the same resolution - Expected: "
                    "{}x{}; Actual: {}x{}; input name: {}",
                    extent_->width, extent_->height, wanted.width, wanted.height, name_));
  }

  [[nodiscard]] Status wrong_channels(const std::string& expected, std::size_t actual) const {
    return invalid_argument(
        fmt::format("Invalid number of channels in binary input - Expected: {}; Actual: {}; input name: {}", expected,
                    actual, name_));
  }

  Status begin(const Extent& extent) {
    picture_bytes_ = extent.samples() * element_size(spec_.type);
    if (auto status = check_size(name_, count_, picture_bytes_); !status.ok()) return status;
    const auto bytes = picture_bytes_ * count_;
    tensor_ = Tensor::of(spec_.type, tensor_shape(spec_.shape.dims.size(), axes_, count_, extent), pool_.get(bytes), 0,
                         bytes);
    extent_ = extent;
    return {};
  }

  const std::string_view name_;
  const TensorSpec& spec_;
  const PictureAxes axes_;
  const std::size_t count_;
  const ChargedPool pool_;
  std::optional<Extent> extent_;  // of every picture, since the first
  std::size_t picture_bytes_ = 0;
  std::size_t added_ = 0;
  Tensor tensor_;
  BufferRef scratch_;  // one picture in FP32, for types that are made of it
  Status refusal_;     // what choose() said against the picture
};

}  // namespace

bool takes_pictures(const TensorSpec& spec) noexcept {
  const auto rank = spec.shape.dims.size();
  const bool is_picture = rank == 4 || (rank == 5 && spec.shape.dims[1].accepts(1));
  if (!spec.shape.rank_known || !is_picture) return false;
  return is_given_by_processors(spec.type) || convert_all(spec.type, nullptr, 0, nullptr);
}

Status check_pictures(std::string_view name, const TensorSpec& spec, const std::vector<std::string_view>& files) {
  if (auto status = check_layout(name, spec); !status.ok()) return status;
  const auto axes = picture_axes(spec);
  const auto extent = [&](std::size_t axis) {
    const auto& dim = spec.shape.dims[axis];
    return dim.is_static() ? static_cast<std::size_t>(std::max<std::int64_t>(dim.min, 0)) : 0;
  };
  const Extent each{extent(axes.height), extent(axes.width), extent(axes.channels)};
  if (auto status = check_size(name, files.size(), each.samples() * element_size(spec.type)); !status.ok())
    return status;
  for (const auto file : files) {
    if (auto status = image::check_signature(std::as_bytes(std::span(file))); !status.ok())
      return unreadable(name, status);
  }
  return {};
}

Result<Tensor> decode_pictures(std::string_view name, const TensorSpec& spec, const TensorView& encoded,
                               const PictureWork& work) {
  if (auto status = check_layout(name, spec); !status.ok()) return status;
  if (auto status = validate_list(name, spec, encoded.shape); !status.ok()) return status;
  const auto files = unpack_strings({encoded.data, encoded.bytes}, static_cast<std::size_t>(encoded.shape[0]));
  if (!files.ok()) return wrong_packing(name, static_cast<std::size_t>(encoded.shape[0]), files.status().message());
  PictureBatch batch(name, spec, files->size(), work.pool);
  if (files->empty()) return batch.none();
  for (const auto file : *files) {
    auto status = work.still_wanted ? work.still_wanted() : Status();
    if (status.ok()) status = batch.add(std::as_bytes(std::span(file)), work.processor);
    if (!status.ok()) return status;
  }
  return batch.take();
}

}  // namespace ocelli::serving
