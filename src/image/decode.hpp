// decode(): encoded pictures to pixels.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/status.hpp"
#include "image/image.hpp"
#include "tensor/buffer_pool.hpp"

namespace ocelli::image {

// What a picture may cost. It is checked on the header, before memory is taken.
struct DecodeLimits {
  std::size_t max_width = 32768;
  std::size_t max_height = 32768;
  std::size_t max_pixels = std::size_t{128} << 20;
};

// Formats that can be decoded.
enum class Codec : unsigned char { kUnknown, kJpeg, kPng, kWebp, kBmp, kTiff, kPnm };
// By the first bytes; kUnknown for anything else. "JPEG", ... for messages.
[[nodiscard]] Codec detect_codec(std::span<const std::byte> encoded) noexcept;
[[nodiscard]] std::string_view codec_name(Codec codec) noexcept;
// OK for what begins as one of them does, else the error that decode() has for it.
Status check_signature(std::span<const std::byte> encoded);

// Decodes as it is stored: gray stays gray, alpha stays, palettes and CMYK become colour, 16-bit samples become 8-bit,
// EXIF orientation is not applied (as OpenCV's IMREAD_UNCHANGED). TIFF is as libtiff makes RGBA of it: colours are
// multiplied by alpha, and its orientation is applied. Of a file with several pictures the first is read. A picture
// that is cut off is an error, never half a picture, and so is a JPEG of more than 100 scans (32 where it is large),
// and a TIFF whose tiles hold more than 16 bytes a pixel and 64 MiB. Pixels come from pool. Thread-safe. Errors:
// kInvalidArgument, the message says which codec and what was wrong, expected and given.
Result<Image> decode(std::span<const std::byte> encoded, BufferPool& pool, const DecodeLimits& limits = {});

}  // namespace ocelli::image
