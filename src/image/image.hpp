// Image: decoded pixels, 8 bits per channel, interleaved.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/buffer.hpp"

namespace ocelli::image {

// Order of the channels of one pixel. The order is OpenCV's (and so OVMS's): colour is BGR.
enum class PixelFormat : std::uint8_t { kGray, kBgr, kBgra };

// Bytes per pixel.
[[nodiscard]] constexpr std::size_t channels(PixelFormat format) noexcept {
  return format == PixelFormat::kGray ? 1 : format == PixelFormat::kBgr ? 3 : 4;
}

// Rows follow one another without padding: height x width x channels bytes (HWC). Copies share the pixels.
struct Image {
  std::size_t width = 0;
  std::size_t height = 0;
  PixelFormat format = PixelFormat::kBgr;
  BufferRef pixels;

  [[nodiscard]] std::size_t row_bytes() const noexcept { return width * channels(format); }
  [[nodiscard]] std::size_t bytes() const noexcept { return row_bytes() * height; }
  [[nodiscard]] std::uint8_t* data() const noexcept { return reinterpret_cast<std::uint8_t*>(pixels->data()); }
  [[nodiscard]] std::uint8_t* row(std::size_t y) const noexcept { return data() + y * row_bytes(); }
};

}  // namespace ocelli::image
