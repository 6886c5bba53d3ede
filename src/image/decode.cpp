#include "image/decode.hpp"

#include <fmt/format.h>

#include <cstring>
#include <new>

#include "image/codecs.hpp"

namespace ocelli::image {
namespace {

bool begins_with(std::span<const std::byte> bytes, std::string_view signature) noexcept {
  return bytes.size() >= signature.size() && std::memcmp(bytes.data(), signature.data(), signature.size()) == 0;
}

// "P1" to "P6" and white space.
bool is_pnm(std::span<const std::byte> bytes) noexcept {
  if (bytes.size() < 3 || bytes[0] != std::byte{'P'}) return false;
  const auto kind = static_cast<char>(bytes[1]);
  constexpr std::string_view kBehind = " \t\r\n#";
  return kind >= '1' && kind <= '6' && kBehind.find(static_cast<char>(bytes[2])) != std::string_view::npos;
}

// Plain and BigTIFF, in both orders of bytes.
bool is_tiff(std::span<const std::byte> bytes) noexcept {
  using namespace std::string_view_literals;
  return begins_with(bytes, "II*\0"sv) || begins_with(bytes, "MM\0*"sv) || begins_with(bytes, "II+\0"sv) ||
         begins_with(bytes, "MM\0+"sv);
}

}  // namespace

Codec detect_codec(std::span<const std::byte> encoded) noexcept {
  if (begins_with(encoded, "\xFF\xD8\xFF")) return Codec::kJpeg;
  if (begins_with(encoded, "\x89PNG\r\n\x1A\n")) return Codec::kPng;
  if (begins_with(encoded, "RIFF") && encoded.size() >= 12 && begins_with(encoded.subspan(8), "WEBP"))
    return Codec::kWebp;
  if (begins_with(encoded, "BM")) return Codec::kBmp;
  if (is_tiff(encoded)) return Codec::kTiff;
  if (is_pnm(encoded)) return Codec::kPnm;
  return Codec::kUnknown;
}

std::string_view codec_name(Codec codec) noexcept {
  switch (codec) {
    case Codec::kJpeg:
      return "JPEG";
    case Codec::kPng:
      return "PNG";
    case Codec::kWebp:
      return "WebP";
    case Codec::kBmp:
      return "BMP";
    case Codec::kTiff:
      return "TIFF";
    case Codec::kPnm:
      return "PNM";
    case Codec::kUnknown:
      break;
  }
  return "unknown";
}

Status check_signature(std::span<const std::byte> encoded) {
  if (detect_codec(encoded) != Codec::kUnknown) return {};
  return invalid_argument(fmt::format(
      "not a picture that can be read: {} bytes that begin with none of the signatures of JPEG, PNG, WebP, BMP, "
      "TIFF, PNM",
      encoded.size()));
}

Result<Image> allocate_image(Codec codec, std::size_t width, std::size_t height, PixelFormat format, BufferPool& pool,
                             const DecodeLimits& limits) {
  if (width == 0 || height == 0)
    return invalid_argument(fmt::format("{} picture has no pixels: {}x{}", codec_name(codec), width, height));
  if (width > limits.max_width || height > limits.max_height || width > limits.max_pixels / height) {
    return invalid_argument(fmt::format("{} picture is too large: {}x{}; allowed: {}x{} and {} pixels",
                                        codec_name(codec), width, height, limits.max_width, limits.max_height,
                                        limits.max_pixels));
  }
  try {
    Image image{width, height, format, {}};
    image.pixels = pool.get(image.bytes());
    return image;
  } catch (const std::bad_alloc&) {
    return Status(StatusCode::kResourceExhausted,
                  fmt::format("no memory for a {}x{} {} picture", width, height, codec_name(codec)));
  }
}

Result<Image> decode(std::span<const std::byte> encoded, BufferPool& pool, const DecodeLimits& limits) {
  switch (detect_codec(encoded)) {
    case Codec::kJpeg:
      return decode_jpeg(encoded, pool, limits);
    case Codec::kPng:
      return decode_png(encoded, pool, limits);
    case Codec::kWebp:
      return decode_webp(encoded, pool, limits);
    case Codec::kBmp:
      return decode_bmp(encoded, pool, limits);
    case Codec::kTiff:
      return decode_tiff(encoded, pool, limits);
    case Codec::kPnm:
      return decode_pnm(encoded, pool, limits);
    case Codec::kUnknown:
      break;
  }
  return check_signature(encoded);
}

}  // namespace ocelli::image
