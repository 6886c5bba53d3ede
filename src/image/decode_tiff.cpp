// TIFF through libtiff: the first picture of the file, of whatever compression and organisation libtiff reads as 8-bit
// colour.
#include <fmt/format.h>
#include <tiffio.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "image/codecs.hpp"

namespace ocelli::image {
namespace {

// Most memory that libtiff may take for one table or strip; a strip may be all of the largest picture.
constexpr tmsize_t kMaxAllocation = tmsize_t{1} << 30;

// The file in memory, and what libtiff said against it first.
class TiffInput {
 public:
  explicit TiffInput(std::span<const std::byte> bytes) : bytes_(bytes) {}

  static tmsize_t read(thandle_t handle, void* to, tmsize_t size) {
    auto& self = of(handle);
    const auto left = self.bytes_.size() - std::min(self.at_, self.bytes_.size());
    const auto count = std::min(left, static_cast<std::size_t>(std::max<tmsize_t>(size, 0)));
    if (count > 0) std::memcpy(to, self.bytes_.data() + self.at_, count);
    self.at_ += count;
    return static_cast<tmsize_t>(count);
  }
  static tmsize_t write(thandle_t, void*, tmsize_t) { return 0; }
  static toff_t seek(thandle_t handle, toff_t offset, int whence) {
    auto& self = of(handle);
    const auto base = whence == SEEK_CUR ? self.at_ : whence == SEEK_END ? self.bytes_.size() : 0;
    self.at_ = base + static_cast<std::size_t>(offset);  // wherever that is: reads look again
    return self.at_;
  }
  static int close(thandle_t) { return 0; }
  static toff_t size(thandle_t handle) { return of(handle).bytes_.size(); }
  // libtiff reads in place then.
  static int map(thandle_t handle, void** base, toff_t* size) {
    auto& self = of(handle);
    *base = const_cast<std::byte*>(self.bytes_.data());
    *size = self.bytes_.size();
    return 1;
  }
  static void unmap(thandle_t, void*, toff_t) {}

  static int on_error(TIFF*, void* input, const char*, const char* format, va_list arguments) {
    auto& self = *static_cast<TiffInput*>(input);
    if (self.message_[0] == '\0') std::vsnprintf(self.message_, sizeof self.message_, format, arguments);
    return 1;  // told: not to be printed as well
  }
  // libtiff goes on without a tag that lies beyond the end, be it the palette, and with half a strip of JPEG.
  static int on_warning(TIFF*, void* input, const char*, const char* format, va_list arguments) {
    char text[200];
    std::vsnprintf(text, sizeof text, format, arguments);
    auto& self = *static_cast<TiffInput*>(input);
    const std::string_view said(text);
    const bool lacks = said.starts_with("IO error during reading of") || said.find("remature end") != said.npos;
    if (!lacks || self.message_[0] != '\0') return 1;
    self.cut_off_ = true;
    std::snprintf(self.message_, sizeof self.message_, "it is cut off: %s", text);
    return 1;
  }

  [[nodiscard]] bool cut_off() const noexcept { return cut_off_; }
  [[nodiscard]] const char* message() const noexcept { return message_[0] ? message_ : "its header is broken"; }

 private:
  static TiffInput& of(thandle_t handle) { return *static_cast<TiffInput*>(handle); }

  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  bool cut_off_ = false;
  char message_[256] = {};
};

// Those that pictures use today. The others have decoders that nobody looks after (old JPEG), or take what memory the
// file asks for (LZMA).
bool is_served(std::uint16_t compression) noexcept {
  constexpr std::array<std::uint16_t, 10> kServed{
      COMPRESSION_NONE, COMPRESSION_CCITTRLE,      COMPRESSION_CCITTFAX3, COMPRESSION_CCITTFAX4, COMPRESSION_LZW,
      COMPRESSION_JPEG, COMPRESSION_ADOBE_DEFLATE, COMPRESSION_DEFLATE,   COMPRESSION_PACKBITS,  COMPRESSION_ZSTD};
  return std::ranges::find(kServed, compression) != kServed.end();
}

struct TiffClose {
  void operator()(TIFF* tiff) const noexcept { TIFFClose(tiff); }
};
using TiffHandle = std::unique_ptr<TIFF, TiffClose>;

TiffHandle open(TiffInput& input) {
  const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(TIFFOpenOptionsAlloc(),
                                                                                 TIFFOpenOptionsFree);
  if (!options) return nullptr;
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), kMaxAllocation);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), TiffInput::on_error, &input);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), TiffInput::on_warning, &input);
  return TiffHandle(TIFFClientOpenExt("picture", "r", &input, TiffInput::read, TiffInput::write, TiffInput::seek,
                                      TiffInput::close, TiffInput::size, TiffInput::map, TiffInput::unmap,
                                      options.get()));
}

// What of libtiff's RGBA the file really has.
PixelFormat format_of(TIFF* tiff) {
  std::uint16_t samples = 1;
  std::uint16_t extra = 0;
  std::uint16_t* kinds = nullptr;
  std::uint16_t photometric = PHOTOMETRIC_RGB;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &samples);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extra, &kinds);
  TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &photometric);
  if (extra > 0) return PixelFormat::kBgra;
  const bool gray = photometric == PHOTOMETRIC_MINISBLACK || photometric == PHOTOMETRIC_MINISWHITE;
  return gray ? PixelFormat::kGray : PixelFormat::kBgr;
}

// A pixel of the raster is one number with red in the lowest byte.
void put_pixel(const std::uint8_t* from, std::uint8_t* to, std::size_t count) {
  std::uint32_t pixel = 0;
  std::memcpy(&pixel, from, sizeof pixel);
  const std::uint8_t bgra[] = {static_cast<std::uint8_t>(TIFFGetB(pixel)), static_cast<std::uint8_t>(TIFFGetG(pixel)),
                               static_cast<std::uint8_t>(TIFFGetR(pixel)), static_cast<std::uint8_t>(TIFFGetA(pixel))};
  std::memcpy(to, bgra, count);
}

// The raster becomes the image's pixels in its own place: no pixel grows.
void pack(Image& image) {
  const auto count = channels(image.format);
  const auto* from = image.data();
  auto* to = image.data();
  for (std::size_t i = 0; i < image.width * image.height; ++i, from += sizeof(std::uint32_t), to += count)
    put_pixel(from, to, count);
}

// How rows and columns are stored (TIFF 6.0, "Orientation"): from the right, from below, columns as rows.
struct Turn {
  explicit Turn(std::uint16_t orientation)
      : mirrored(orientation == ORIENTATION_TOPRIGHT || orientation == ORIENTATION_BOTRIGHT ||
                 orientation == ORIENTATION_RIGHTBOT || orientation == ORIENTATION_LEFTBOT),
        flipped(orientation == ORIENTATION_BOTRIGHT || orientation == ORIENTATION_BOTLEFT ||
                orientation == ORIENTATION_RIGHTTOP || orientation == ORIENTATION_RIGHTBOT),
        transposed(orientation >= ORIENTATION_LEFTTOP) {}
  bool mirrored;
  bool flipped;
  bool transposed;
};

// The picture upright, from the raster as it is stored.
Result<Image> upright(const Image& raster, const Turn& turn, PixelFormat format, BufferPool& pool,
                      const DecodeLimits& limits) {
  auto image = allocate_image(Codec::kTiff, turn.transposed ? raster.height : raster.width,
                              turn.transposed ? raster.width : raster.height, format, pool, limits);
  if (!image.ok()) return image;
  const auto count = channels(format);
  auto* to = image->data();
  for (std::size_t y = 0; y < image->height; ++y) {
    for (std::size_t x = 0; x < image->width; ++x, to += count) {
      auto column = turn.transposed ? y : x;
      auto row = turn.transposed ? x : y;
      if (turn.mirrored) column = raster.width - 1 - column;
      if (turn.flipped) row = raster.height - 1 - row;
      put_pixel(raster.data() + (row * raster.width + column) * sizeof(std::uint32_t), to, count);
    }
  }
  return image;
}

// What libtiff decompresses for the picture. Tiles may be much larger than it, and share their bytes in the file.
std::uint64_t decoded_bytes(TIFF* tiff) {
  const auto pieces = TIFFIsTiled(tiff) ? TIFFNumberOfTiles(tiff) : TIFFNumberOfStrips(tiff);
  const auto each = TIFFIsTiled(tiff) ? TIFFTileSize64(tiff) : TIFFStripSize64(tiff);
  std::uint64_t bytes = 0;
  return __builtin_mul_overflow(std::uint64_t{pieces}, each, &bytes) ? UINT64_MAX : bytes;
}

// Eight channels of 16 bits each, and tiles that reach beyond the edges.
constexpr std::uint64_t kMostBytesPerPixel = 16;
constexpr std::uint64_t kMostBytesBeside = std::uint64_t{64} << 20;

Status check_work(TIFF* tiff, std::uint64_t pixels) {
  const auto bytes = decoded_bytes(tiff);
  const auto most = kMostBytesBeside + kMostBytesPerPixel * pixels;
  if (bytes <= most) return {};
  return invalid_argument(fmt::format("TIFF picture has {} bytes of tiles or strips for {} pixels; at most {} are read",
                                      bytes, pixels, most));
}

Status failure(const TiffInput& input) {
  return invalid_argument(fmt::format("TIFF picture cannot be read: {}", input.message()));
}

}  // namespace

Result<Image> decode_tiff(std::span<const std::byte> encoded, BufferPool& pool, const DecodeLimits& limits) {
  TiffInput input(encoded);
  const auto tiff = open(input);
  if (!tiff) return failure(input);
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  TIFFGetField(tiff.get(), TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(tiff.get(), TIFFTAG_IMAGELENGTH, &height);
  std::uint16_t compression = COMPRESSION_NONE;
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_COMPRESSION, &compression);
  if (!is_served(compression)) {
    return invalid_argument(fmt::format(
        "TIFF with compression {} is not supported; expected none, CCITT, LZW, JPEG, Deflate, PackBits or Zstandard",
        compression));
  }
  auto image = allocate_image(Codec::kTiff, width, height, PixelFormat::kBgra, pool, limits);
  if (!image.ok()) return image;
  if (auto status = check_work(tiff.get(), std::uint64_t{width} * height); !status.ok()) return status;
  char why[1024] = {};
  if (!TIFFRGBAImageOK(tiff.get(), why)) return invalid_argument(fmt::format("TIFF picture is not supported: {}", why));
  auto* raster = reinterpret_cast<std::uint32_t*>(image->data());
  constexpr int kStopAtFaults = 1;
  std::uint16_t orientation = ORIENTATION_TOPLEFT;
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_ORIENTATION, &orientation);
  // As it is stored: libtiff itself turns nothing by a quarter.
  if (!TIFFReadRGBAImageOriented(tiff.get(), width, height, raster, orientation, kStopAtFaults) || input.cut_off())
    return failure(input);
  const auto format = format_of(tiff.get());
  if (orientation != ORIENTATION_TOPLEFT) return upright(*image, Turn(orientation), format, pool, limits);
  image->format = format;
  pack(*image);
  return image;
}

}  // namespace ocelli::image
