// The decoders behind decode(), one per format; each gets bytes whose first ones are its format's signature.
#pragma once

#include <span>

#include "image/decode.hpp"

namespace ocelli::image {

// Each decodes one picture of its format; errors and limits as decode() describes them.
Result<Image> decode_jpeg(std::span<const std::byte> encoded, BufferPool& pool, const DecodeLimits& limits);
Result<Image> decode_png(std::span<const std::byte> encoded, BufferPool& pool, const DecodeLimits& limits);
Result<Image> decode_webp(std::span<const std::byte> encoded, BufferPool& pool, const DecodeLimits& limits);
Result<Image> decode_bmp(std::span<const std::byte> encoded, BufferPool& pool, const DecodeLimits& limits);
Result<Image> decode_tiff(std::span<const std::byte> encoded, BufferPool& pool, const DecodeLimits& limits);
Result<Image> decode_pnm(std::span<const std::byte> encoded, BufferPool& pool, const DecodeLimits& limits);

// Checks the limits, then takes memory for the pixels. kInvalidArgument names the size and the limit;
// kResourceExhausted when memory is out.
Result<Image> allocate_image(Codec codec, std::size_t width, std::size_t height, PixelFormat format, BufferPool& pool,
                             const DecodeLimits& limits);

}  // namespace ocelli::image
