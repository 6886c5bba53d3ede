#include "image/resize.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "image/pixel_math.hpp"

namespace ocelli::image {
namespace {

// What linear_tap() says about every position of one axis.
std::vector<LinearTap> taps(std::size_t from, std::size_t to, bool exact_edges) {
  std::vector<LinearTap> result(to);
  for (std::size_t i = 0; i < to; ++i) {
    result[i] = linear_tap(static_cast<std::int64_t>(i), static_cast<std::int64_t>(from), static_cast<std::int64_t>(to),
                           exact_edges);
  }
  return result;
}

struct FixedTap {
  std::size_t first;
  std::size_t second;
  int weight_first;
  int weight_second;
};

std::vector<FixedTap> fixed_taps(std::size_t from, std::size_t to, std::size_t step, bool exact_edges) {
  std::vector<FixedTap> result;
  result.reserve(to);
  for (const auto& tap : taps(from, to, exact_edges)) {
    result.push_back({static_cast<std::size_t>(tap.first) * step, static_cast<std::size_t>(tap.second) * step,
                      fixed_weight(1.0F - tap.share), fixed_weight(tap.share)});
  }
  return result;
}

template <std::size_t kChannels>
void mix_columns(const std::uint8_t* row, const std::vector<FixedTap>& columns, std::int32_t* out) {
  for (const auto& column : columns) {
    for (std::size_t c = 0; c < kChannels; ++c) {
      *out++ = row[column.first + c] * column.weight_first + row[column.second + c] * column.weight_second;
    }
  }
}

void mix_columns(const Image& image, std::size_t y, const std::vector<FixedTap>& columns, std::int32_t* out) {
  switch (image.format) {
    case PixelFormat::kGray:
      return mix_columns<1>(image.row(y), columns, out);
    case PixelFormat::kBgr:
      return mix_columns<3>(image.row(y), columns, out);
    case PixelFormat::kBgra:
      return mix_columns<4>(image.row(y), columns, out);
  }
}

// The shifts keep the products in 32 bits; they are OpenCV's, and so are the results.
void mix_rows(const std::int32_t* first, const std::int32_t* second, const FixedTap& row, std::size_t count,
              std::uint8_t* out) {
  for (std::size_t i = 0; i < count; ++i) {
    const int sum = ((row.weight_first * (first[i] >> 4)) >> 16) + ((row.weight_second * (second[i] >> 4)) >> 16);
    out[i] = static_cast<std::uint8_t>(std::clamp((sum + 2) >> 2, 0, 255));
  }
}

void halve(const Image& image, Image& out) {
  const std::size_t n = channels(image.format);
  for (std::size_t y = 0; y < out.height; ++y) {
    const auto* top = image.row(2 * y);
    const auto* bottom = image.row(2 * y + 1);
    auto* to = out.row(y);
    for (std::size_t x = 0; x < out.width; ++x) {
      for (std::size_t c = 0; c < n; ++c) {
        const std::size_t left = 2 * x * n + c;
        *to++ = static_cast<std::uint8_t>((top[left] + top[left + n] + bottom[left] + bottom[left + n] + 2) >> 2);
      }
    }
  }
}

}  // namespace

Image resize_bilinear(const Image& image, std::size_t width, std::size_t height, BufferPool& pool) {
  if (image.width == width && image.height == height) return image;
  Image out{width, height, image.format, {}};
  out.pixels = pool.get(out.bytes());
  if (image.width == 2 * width && image.height == 2 * height) {
    halve(image, out);
    return out;
  }
  const auto columns = fixed_taps(image.width, width, channels(image.format), true);
  const auto rows = fixed_taps(image.height, height, 1, false);
  // Horizontally mixed rows are kept while the next output row still needs them.
  std::vector<std::int32_t> mixed[2] = {std::vector<std::int32_t>(out.row_bytes()),
                                        std::vector<std::int32_t>(out.row_bytes())};
  std::size_t held[2] = {image.height, image.height};
  const auto mixed_row = [&](std::size_t y, std::size_t keep) -> std::size_t {
    for (std::size_t i = 0; i < 2; ++i) {
      if (held[i] == y) return i;
    }
    const std::size_t slot = held[0] == keep ? 1 : 0;
    mix_columns(image, y, columns, mixed[slot].data());
    held[slot] = y;
    return slot;
  };
  for (std::size_t y = 0; y < height; ++y) {
    const auto first = mixed_row(rows[y].first, rows[y].second);
    const auto second = mixed_row(rows[y].second, rows[y].first);
    mix_rows(mixed[first].data(), mixed[second].data(), rows[y], out.row_bytes(), out.row(y));
  }
  return out;
}

void resize_bilinear_f32(const Image& image, std::size_t width, std::size_t height, float* out) {
  const std::size_t n = channels(image.format);
  const auto columns = taps(image.width, width, true);
  for (const auto& row : taps(image.height, height, true)) {
    const auto* top = image.row(static_cast<std::size_t>(row.first));
    const auto* bottom = image.row(static_cast<std::size_t>(row.second));
    for (const auto& column : columns) {
      for (std::size_t c = 0; c < n; ++c) {
        const std::size_t left = static_cast<std::size_t>(column.first) * n + c;
        const std::size_t right = static_cast<std::size_t>(column.second) * n + c;
        *out++ =
            mix(mix(top[left], top[right], column.share), mix(bottom[left], bottom[right], column.share), row.share);
      }
    }
  }
}

}  // namespace ocelli::image
