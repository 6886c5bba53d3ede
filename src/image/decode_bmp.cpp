// BMP as cameras, scanners and tests write it: BITMAPINFOHEADER and later, uncompressed, 1, 4 or 8 (palette), 24 or 32
// bits.
// Field offsets: Microsoft, "Bitmap Storage" (BITMAPFILEHEADER is 14 bytes, BITMAPINFOHEADER follows).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>

#include "image/codecs.hpp"

namespace ocelli::image {
namespace {

constexpr std::size_t kFileHeader = 14;
constexpr std::size_t kInfoHeader = 40;
constexpr std::size_t kInfoHeaderWithAlpha = 56;  // BITMAPV3INFOHEADER: the first with a mask for alpha
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
  constexpr std::array<std::uint16_t, 5> kBits{1, 4, 8, 24, 32};
  if (!plain || std::ranges::find(kBits, header.bits) == kBits.end()) {
    return invalid_argument(fmt::format(
        "BMP with {} bits and compression {} is not supported; expected 1, 4, 8, 24 or 32 bits, uncompressed",
        header.bits, header.compression));
  }
  return header;
}

// Where blue, green, red and alpha are in a stored pixel of 32 bits, in bytes.
struct PixelOrder {
  std::array<std::size_t, 4> at{0, 1, 2, 3};
  bool has_alpha = false;  // the fourth byte is unused in plain 32-bit files
};

// The byte that a mask selects.
std::optional<std::size_t> byte_of(std::uint32_t mask) noexcept {
  const auto shift = static_cast<std::size_t>(std::countr_zero(mask));
  if (mask == 0 || shift % 8 != 0 || mask != std::uint32_t{0xFF} << shift) return std::nullopt;
  return shift / 8;
}

Result<PixelOrder> read_order(std::span<const std::byte> encoded, const BmpHeader& header) {
  PixelOrder order;
  if (header.compression != kBitFields) return order;
  // Behind the 40 bytes, whether they count as part of the header or not: red, green, blue, alpha.
  constexpr std::size_t kMasks = kFileHeader + kInfoHeader;
  const bool may_have_alpha = header.info_bytes >= kInfoHeaderWithAlpha;
  if (encoded.size() < kMasks + (may_have_alpha ? 16 : 12))
    return invalid_argument(fmt::format("BMP header is cut off: {} bytes", encoded.size()));
  for (std::size_t colour = 0; colour < 3; ++colour) {
    const auto mask = number_at<std::uint32_t>(encoded, kMasks + 4 * (2 - colour));
    const auto at = byte_of(mask);
    if (!at) return invalid_argument(fmt::format("BMP colour mask {:#010x} is not supported; expected 8 bits", mask));
    order.at[colour] = *at;
  }
  const auto alpha = may_have_alpha ? number_at<std::uint32_t>(encoded, kMasks + 12) : 0;
  if (const auto at = byte_of(alpha)) {
    order.at[3] = *at;
    order.has_alpha = true;
  }
  return order;
}

using Palette = std::array<std::array<std::uint8_t, 3>, 256>;

bool has_palette(const BmpHeader& header) noexcept { return header.bits <= 8; }

bool is_gray(const Palette& palette) noexcept {
  return std::ranges::all_of(palette,
                             [](const auto& colour) { return colour[0] == colour[1] && colour[1] == colour[2]; });
}

Result<Palette> read_palette(std::span<const std::byte> encoded, const BmpHeader& header) {
  Palette palette{};
  if (!has_palette(header)) return palette;
  const std::size_t most = std::size_t{1} << header.bits;
  const std::size_t count = header.colours == 0 ? most : header.colours;
  const std::size_t at = kFileHeader + header.info_bytes;
  if (count > most || at + count * 4 > encoded.size())
    return invalid_argument(fmt::format("BMP palette of {} colours goes beyond the file", count));
  for (std::size_t i = 0; i < count; ++i) std::memcpy(palette[i].data(), encoded.data() + at + i * 4, 3);
  return palette;
}

// Position in the palette of a pixel of 1, 4 or 8 bits; the leftmost is in the highest bits.
std::size_t index_at(const std::byte* row, std::size_t x, unsigned bits) noexcept {
  const std::size_t each = 8 / bits;
  const auto shift = static_cast<unsigned>(8 - bits * (x % each + 1));
  return (static_cast<std::size_t>(row[x / each]) >> shift) & ((std::size_t{1} << bits) - 1);
}

void copy_indexed_row(const std::byte* from, unsigned bits, const Palette& palette, const Image& image,
                      std::uint8_t* to) {
  const auto count = channels(image.format);
  for (std::size_t x = 0; x < image.width; ++x, to += count)
    std::memcpy(to, palette[index_at(from, x, bits)].data(), count);
}

// Pixels of 32 bits.
void copy_row(const std::byte* from, const PixelOrder& order, const Image& image, std::uint8_t* to) {
  const auto count = channels(image.format);
  for (std::size_t x = 0; x < image.width; ++x, from += 4) {
    for (std::size_t channel = 0; channel < count; ++channel)
      *to++ = static_cast<std::uint8_t>(from[order.at[channel]]);
  }
}

}  // namespace

Result<Image> decode_bmp(std::span<const std::byte> encoded, BufferPool& pool, const DecodeLimits& limits) {
  auto header = read_header(encoded);
  if (!header.ok()) return std::move(header).status();
  auto palette = read_palette(encoded, *header);
  if (!palette.ok()) return std::move(palette).status();
  auto order = read_order(encoded, *header);
  if (!order.ok()) return std::move(order).status();
  const bool gray = has_palette(*header) && is_gray(*palette);
  const auto format = gray ? PixelFormat::kGray : order->has_alpha ? PixelFormat::kBgra : PixelFormat::kBgr;
  auto image = allocate_image(Codec::kBmp, static_cast<std::size_t>(header->width),
                              static_cast<std::size_t>(header->height), format, pool, limits);
  if (!image.ok()) return image;
  const std::size_t stored_row = (image->width * header->bits + 31) / 32 * 4;  // rows are padded to four bytes
  if (header->pixels_at > encoded.size() || stored_row > (encoded.size() - header->pixels_at) / image->height) {
    return invalid_argument(
        fmt::format("BMP picture of {}x{} is cut off: {} bytes of pixels expected from byte {}, the file has {} bytes",
                    image->width, image->height, stored_row * image->height, header->pixels_at, encoded.size()));
  }
  for (std::size_t y = 0; y < image->height; ++y) {
    const std::size_t stored = header->top_down ? y : image->height - 1 - y;
    const auto* from = encoded.data() + header->pixels_at + stored * stored_row;
    if (has_palette(*header)) {
      copy_indexed_row(from, header->bits, *palette, *image, image->row(y));
    } else if (header->bits == 24) {
      std::memcpy(image->row(y), from, image->row_bytes());
    } else {
      copy_row(from, *order, *image, image->row(y));
    }
  }
  return image;
}

}  // namespace ocelli::image
