#include "serving/picture_input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <vector>

#include "image/decode.hpp"
#include "image/resize.hpp"
#include "serving/request_validation.hpp"
#include "tensor/float16.hpp"
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
  return {float_to_half(value)};
}

struct Extent {
  std::size_t height;
  std::size_t width;
  std::size_t channels;
  friend bool operator==(const Extent&, const Extent&) = default;
};

// Samples in HWC order to one picture of the model's tensor. planar: CHW.
template <typename T, typename Sample>
void pack(const Sample* samples, const Extent& extent, bool planar, std::byte* out) noexcept {
  const std::size_t pixels = extent.height * extent.width;
  for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
    for (std::size_t c = 0; c < extent.channels; ++c) {
      const T value = convert<T>(static_cast<float>(samples[pixel * extent.channels + c]));
      const std::size_t at = planar ? c * pixels + pixel : pixel * extent.channels + c;
      std::memcpy(out + at * sizeof(T), &value, sizeof(T));
    }
  }
}

template <typename Sample>
bool pack_as(DataType type, const Sample* samples, const Extent& extent, bool planar, std::byte* out) noexcept {
  switch (type) {
    case DataType::kFp32:
      pack<float>(samples, extent, planar, out);
      return true;
    case DataType::kFp64:
      pack<double>(samples, extent, planar, out);
      return true;
    case DataType::kFp16:
      pack<Half>(samples, extent, planar, out);
      return true;
    case DataType::kUint8:
      pack<std::uint8_t>(samples, extent, planar, out);
      return true;
    case DataType::kInt8:
      pack<std::int8_t>(samples, extent, planar, out);
      return true;
    case DataType::kUint16:
      pack<std::uint16_t>(samples, extent, planar, out);
      return true;
    case DataType::kInt16:
      pack<std::int16_t>(samples, extent, planar, out);
      return true;
    case DataType::kInt32:
      pack<std::int32_t>(samples, extent, planar, out);
      return true;
    default:
      return false;
  }
}

// Most bytes that the pictures of one input may become.
constexpr std::size_t kMaxPictureBytes = std::size_t{1} << 30;

// The size a picture gets: its own where the model leaves it open, else the nearest that the model takes.
std::size_t fit(std::size_t actual, const Dimension& dim) noexcept {
  auto size = std::max(static_cast<std::int64_t>(actual), std::max<std::int64_t>(dim.min, 1));
  if (dim.max != Dimension::kUnbounded) size = std::min(size, dim.max);
  return static_cast<std::size_t>(size);
}

// Writes one decoded picture at its final size. 8-bit models are resized in OpenCV's fixed-point arithmetic, all others
// in floats.
void write_picture(const image::Image& picture, DataType type, const Extent& extent, bool planar, BufferPool& pool,
                   std::byte* out) {
  if (picture.height == extent.height && picture.width == extent.width) {
    pack_as(type, picture.data(), extent, planar, out);
  } else if (type == DataType::kUint8) {
    const auto resized = image::resize_bilinear(picture, extent.width, extent.height, pool);
    pack_as(type, resized.data(), extent, planar, out);
  } else if (type == DataType::kFp32 && !planar) {
    image::resize_bilinear_f32(picture, extent.width, extent.height, reinterpret_cast<float*>(out));
  } else {
    const auto samples = pool.get(extent.height * extent.width * extent.channels * sizeof(float));
    auto* floats = reinterpret_cast<float*>(samples->data());
    image::resize_bilinear_f32(picture, extent.width, extent.height, floats);
    pack_as(type, floats, extent, planar, out);
  }
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

Status check_request(std::string_view name, const TensorSpec& spec, const TensorView& encoded) {
  if (encoded.shape.rank() != 1) {
    return invalid_argument(fmt::format(
        "Invalid number of shape dimensions - Expected number of input shape dimensions: 1; Actual: {}; input name: {}",
        encoded.shape.rank(), name));
  }
  if (!spec.shape.dims[0].accepts(encoded.shape[0])) return wrong_batch(name, spec.shape.dims[0], encoded.shape[0]);
  return {};
}

}  // namespace

bool takes_pictures(const TensorSpec& spec) noexcept {
  const auto rank = spec.shape.dims.size();
  if (!spec.shape.rank_known || (rank != 4 && !(rank == 5 && spec.shape.dims[1].accepts(1)))) return false;
  return pack_as(spec.type, static_cast<const std::uint8_t*>(nullptr), Extent{0, 0, 0}, false, nullptr);
}

Result<Tensor> decode_pictures(std::string_view name, const TensorSpec& spec, const TensorView& encoded,
                               BufferPool& pool) {
  if (auto status = check_request(name, spec, encoded); !status.ok()) return status;
  const auto files = unpack_strings({encoded.data, encoded.bytes}, static_cast<std::size_t>(encoded.shape[0]));
  if (!files.ok())
    return invalid_argument(fmt::format("Image parsing failed - {}; input name: {}", files.status().message(), name));
  const auto axes = picture_axes(spec);
  const auto& dims = spec.shape.dims;
  Tensor tensor;
  Extent extent{};
  std::size_t picture_bytes = 0;
  for (std::size_t i = 0; i < files->size(); ++i) {
    const auto file = (*files)[i];
    const auto picture = image::decode({reinterpret_cast<const std::byte*>(file.data()), file.size()}, pool);
    if (!picture.ok())
      return invalid_argument(
          fmt::format("Image parsing failed - {}; input name: {}", picture.status().message(), name));
    const auto channels = image::channels(picture->format);
    if (!dims[axes.channels].accepts(static_cast<std::int64_t>(channels))) {
      const auto expected = PartialShape{{dims[axes.channels]}, true}.to_string();
      return invalid_argument(
          fmt::format("Invalid number of channels in binary input - Expected: {}; Actual: {}; input name: {}",
                      expected.substr(1, expected.size() - 2), channels, name));
    }
    const Extent wanted{fit(picture->height, dims[axes.height]), fit(picture->width, dims[axes.width]), channels};
    if (i == 0) {
      extent = wanted;
      picture_bytes = extent.height * extent.width * extent.channels * element_size(spec.type);
      if (picture_bytes > kMaxPictureBytes / files->size()) {
        return invalid_argument(
            fmt::format("Binary input images are too large - Limit: {} bytes; Actual: {} x {} bytes; input name: {}",
                        kMaxPictureBytes, files->size(), picture_bytes, name));
      }
      const auto bytes = picture_bytes * files->size();
      tensor = Tensor::of(spec.type, tensor_shape(dims.size(), axes, files->size(), extent), pool.get(bytes), 0, bytes);
    }
    if (!(wanted == extent)) {
      return invalid_argument(
          fmt::format("Binary input images for this endpoint are required to have the same resolution - Expected: "
                      "{}x{}; Actual: {}x{}; input name: {}",
                      extent.width, extent.height, wanted.width, wanted.height, name));
    }
    write_picture(*picture, spec.type, extent, axes.planar(), pool, tensor.view.data + i * picture_bytes);
  }
  if (files->empty()) return wrong_batch(name, dims[0], 0);
  return tensor;
}

}  // namespace ocelli::serving
