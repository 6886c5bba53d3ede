#include <fmt/format.h>
#include <webp/decode.h>

#include "image/codecs.hpp"

namespace ocelli::image {

Result<Image> decode_webp(std::span<const std::byte> encoded, BufferPool& pool, const DecodeLimits& limits) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(encoded.data());
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(bytes, encoded.size(), &features) != VP8_STATUS_OK)
    return invalid_argument("WebP picture cannot be read: its header is broken");
  if (features.has_animation) return invalid_argument("WebP picture is an animation; expected a still picture");
  const auto format = features.has_alpha ? PixelFormat::kBgra : PixelFormat::kBgr;
  auto image = allocate_image(Codec::kWebp, static_cast<std::size_t>(features.width),
                              static_cast<std::size_t>(features.height), format, pool, limits);
  if (!image.ok()) return image;
  const auto into = features.has_alpha ? WebPDecodeBGRAInto : WebPDecodeBGRInto;
  if (!into(bytes, encoded.size(), image->data(), image->bytes(), static_cast<int>(image->row_bytes()))) {
    return invalid_argument(fmt::format("WebP picture of {}x{} cannot be decoded: its data is broken or ends early",
                                        features.width, features.height));
  }
  return image;
}

}  // namespace ocelli::image
