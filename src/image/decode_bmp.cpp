// BMP as cameras, scanners and tests write it: BITMAPINFOHEADER and later, uncompressed, 8 (palette), 24 or 32 bits.
// Field offsets: Microsoft, "Bitmap Storage" (BITMAPFILEHEADER is 14 bytes, BITMAPINFOHEADER follows).
#include <fmt/format.h>

#include <array>
#include <cstring>

#include "image/codecs.hpp"

namespace ocelli::image {
namespace {

constexpr std::size_t kFileHeader = 14;
constexpr std::size_t kInfoHeader = 40;
constexpr std::uint32_t kUncompressed = 0;
constexpr std::uint32_t kBitFields = 3;

template <typename Number>
Number number_at(std::span<const std::byte> bytes, std::size_t offset) {
  Number value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

struct BmpHeader {
  std::uint32_t pixels_at;
  std::uint32_t info_bytes;
  std::int64_t width;
  std::int64_t height;
  bool top_down;
  std::uint16_t bits;
  std::uint32_t compression;
  std::uint32_t colours;
};

Result<BmpHeader> read_header(std::span<const std::byte> encoded) {
  if (encoded.size() < kFileHeader + kInfoHeader)
    return invalid_argument(fmt::format("BMP header is cut off: {} bytes", encoded.size()));
  BmpHeader header{};
  header.pixels_at = number_at<std::uint32_t>(encoded, 10);
  header.info_bytes = number_at<std::uint32_t>(encoded, 14);
  header.width = number_at<std::int32_t>(encoded, 18);
  const std::int64_t height = number_at<std::int32_t>(encoded, 22);
  header.top_down = height < 0;
  header.height = header.top_down ? -height : height;
  header.bits = number_at<std::uint16_t>(encoded, 28);
  header.compression = number_at<std::uint32_t>(encoded, 30);
  header.colours = number_at<std::uint32_t>(encoded, 46);
  if (header.info_bytes < kInfoHeader)
    return invalid_argument(
        fmt::format("BMP header of {} bytes is not supported; expected 40 or more", header.info_bytes));
  if (header.width <= 0 || header.height <= 0)
    return invalid_argument(fmt::format("BMP picture has no pixels: {}x{}", header.width, height));
  const bool plain = header.compression == kUncompressed || (header.compression == kBitFields && header.bits == 32);
  if (!plain || (header.bits != 8 && header.bits != 24 && header.bits != 32)) {
    return invalid_argument(
        fmt::format("BMP with {} bits and compression {} is not supported; expected 8, 24 or 32 bits, uncompressed",
                    header.bits, header.compression));
  }
  return header;
}

using Palette = std::array<std::array<std::uint8_t, 3>, 256>;

Result<Palette> read_palette(std::span<const std::byte> encoded, const BmpHeader& header) {
  Palette palette{};
  if (header.bits != 8) return palette;
  const std::size_t count = header.colours == 0 ? 256 : header.colours;
  const std::size_t at = kFileHeader + header.info_bytes;
  if (count > 256 || at + count * 4 > encoded.size())
    return invalid_argument(fmt::format("BMP palette of {} colours goes beyond the file", count));
  for (std::size_t i = 0; i < count; ++i) std::memcpy(palette[i].data(), encoded.data() + at + i * 4, 3);
  return palette;
}

void copy_row(const std::byte* from, const BmpHeader& header, const Palette& palette, std::uint8_t* to) {
  for (std::int64_t x = 0; x < header.width; ++x, to += 3) {
    switch (header.bits) {
      case 8:
        std::memcpy(to, palette[static_cast<std::size_t>(from[x])].data(), 3);
        break;
      case 24:
        std::memcpy(to, from + x * 3, 3);
        break;
      default:
        std::memcpy(to, from + x * 4, 3);
        break;  // the fourth byte is unused in plain 32-bit files
    }
  }
}

}  // namespace

Result<Image> decode_bmp(std::span<const std::byte> encoded, BufferPool& pool, const DecodeLimits& limits) {
  auto header = read_header(encoded);
  if (!header.ok()) return std::move(header).status();
  auto image = allocate_image(Codec::kBmp, static_cast<std::size_t>(header->width),
                              static_cast<std::size_t>(header->height), PixelFormat::kBgr, pool, limits);
  if (!image.ok()) return image;
  auto palette = read_palette(encoded, *header);
  if (!palette.ok()) return std::move(palette).status();
  const std::size_t stored_row = (image->width * header->bits + 31) / 32 * 4;  // rows are padded to four bytes
  if (header->pixels_at > encoded.size() || stored_row > (encoded.size() - header->pixels_at) / image->height) {
    return invalid_argument(
        fmt::format("BMP picture of {}x{} is cut off: {} bytes of pixels expected from byte {}, the file has {} bytes",
                    image->width, image->height, stored_row * image->height, header->pixels_at, encoded.size()));
  }
  for (std::size_t y = 0; y < image->height; ++y) {
    const std::size_t stored = header->top_down ? y : image->height - 1 - y;
    copy_row(encoded.data() + header->pixels_at + stored * stored_row, *header, *palette, image->row(y));
  }
  return image;
}

}  // namespace ocelli::image
