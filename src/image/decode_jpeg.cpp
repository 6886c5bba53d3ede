#include <fmt/format.h>

#include <algorithm>
#include <csetjmp>
#include <cstdint>
#include <cstdio>

#include <jpeglib.h>
// jerror.h names libjpeg's message codes; it needs jpeglib.h before it.
#include <jerror.h>

#include "image/codecs.hpp"

namespace ocelli::image {
namespace {

// libjpeg reports by calling back and must not return from a fatal error; longjmp is its documented way out. Everything
// that is alive across the jump is trivially destructible.
struct JpegErrors {
  jpeg_error_mgr manager;
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
  bool no_end;   // the marker of the picture's end is missing
  bool cut_off;  // and so are pixels
};

[[noreturn]] void on_fatal(j_common_ptr info) {
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  info->err->format_message(info, errors->message);
  std::longjmp(errors->escape, 1);
}

// libjpeg makes up an end of picture where the data ends, and gray where pixels have no data. That may be a hundred
// million pixels for a file of a few bytes, so it is stopped at the first of them. Arithmetic decoders do not tell when
// they lack data; they are stopped where the file ends.
void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  const auto* decoder = reinterpret_cast<j_decompress_ptr>(info);
  ++info->err->num_warnings;
  const bool file_ends = info->err->msg_code == JWRN_JPEG_EOF;
  const bool lacks_data = info->err->msg_code == JWRN_HIT_MARKER && decoder->unread_marker == JPEG_EOI;
  if (file_ends) errors->no_end = true;
  if (!lacks_data && !(file_ends && decoder->arith_code)) return;
  errors->cut_off = true;
  std::longjmp(errors->escape, 1);
}

void on_output(j_common_ptr) {}

// A scan of a few bytes walks over the whole picture, so that a small file could keep a core busy for hours. Usual
// progressive pictures have ten scans; the largest that are taken may have 32.
constexpr std::uint64_t kMaxScans = 100;
constexpr std::uint64_t kMinScans = 32;
constexpr std::uint64_t kMaxScannedPixels = std::uint64_t{1} << 32;

int max_scans(std::uint64_t pixels) {
  return static_cast<int>(std::clamp(kMaxScannedPixels / std::max<std::uint64_t>(pixels, 1), kMinScans, kMaxScans));
}

// Asked between rows of blocks, while the scans are gathered.
void on_progress(j_common_ptr info) {
  const auto* decoder = reinterpret_cast<j_decompress_ptr>(info);
  const int limit = max_scans(std::uint64_t{decoder->image_width} * decoder->image_height);
  if (decoder->input_scan_number <= limit) return;
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  std::snprintf(errors->message, sizeof errors->message, "it has more than %d scans", limit);
  std::longjmp(errors->escape, 1);
}

class JpegReader {
 public:
  JpegReader() {
    info_.err = jpeg_std_error(&errors_.manager);
    errors_.manager.error_exit = on_fatal;
    errors_.manager.emit_message = on_message;
    errors_.manager.output_message = on_output;
    progress_.progress_monitor = on_progress;
    errors_.message[0] = '\0';
    errors_.no_end = errors_.cut_off = false;
  }
  ~JpegReader() { jpeg_destroy_decompress(&info_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  bool read_header(std::span<const std::byte> encoded) {
    if (setjmp(errors_.escape)) return false;
    jpeg_create_decompress(&info_);
    info_.progress = &progress_;
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(encoded.data()), encoded.size());
    jpeg_read_header(&info_, TRUE);
    several_scans_ = jpeg_has_multiple_scans(&info_) != FALSE;
    return true;
  }

  bool read_pixels(std::uint8_t* pixels, std::size_t row_bytes) {
    if (setjmp(errors_.escape)) return false;
    info_.out_color_space = gray() ? JCS_GRAYSCALE : cmyk() ? JCS_CMYK : JCS_EXT_BGR;
    jpeg_start_decompress(&info_);
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW row = pixels + info_.output_scanline * row_bytes;
      jpeg_read_scanlines(&info_, &row, 1);
    }
    jpeg_finish_decompress(&info_);
    return true;
  }

  [[nodiscard]] bool gray() const { return info_.num_components == 1; }
  [[nodiscard]] bool cmyk() const { return info_.num_components == 4; }
  // Adobe writes CMYK inverted; its marker says so.
  [[nodiscard]] bool inverted() const { return info_.saw_Adobe_marker; }
  [[nodiscard]] std::size_t width() const { return info_.image_width; }
  [[nodiscard]] std::size_t height() const { return info_.image_height; }
  // Without its end, a picture of several scans may lack some of them.
  [[nodiscard]] bool cut_off() const { return errors_.cut_off || (errors_.no_end && several_scans_); }
  [[nodiscard]] const char* message() const { return errors_.message; }

 private:
  jpeg_decompress_struct info_{};
  JpegErrors errors_{};
  jpeg_progress_mgr progress_{};
  bool several_scans_ = false;
};

// Multiplicative CMYK to BGR: channel = ink' * key' / 255 with primes for "what is left of the light".
void cmyk_row_to_bgr(const std::uint8_t* cmyk, std::size_t width, bool inverted, std::uint8_t* bgr) {
  for (std::size_t x = 0; x < width; ++x, cmyk += 4, bgr += 3) {
    const auto left = [&](int i) { return inverted ? int{cmyk[i]} : 255 - int{cmyk[i]}; };
    const int key = left(3);
    for (int i = 0; i < 3; ++i) bgr[2 - i] = static_cast<std::uint8_t>((left(i) * key + 127) / 255);
  }
}

Status failure(const JpegReader& reader, std::size_t bytes) {
  if (reader.cut_off())
    return invalid_argument(fmt::format("JPEG picture is cut off: its data ends early, after {} bytes", bytes));
  return invalid_argument(fmt::format("JPEG picture cannot be read: {}", reader.message()));
}

}  // namespace

Result<Image> decode_jpeg(std::span<const std::byte> encoded, BufferPool& pool, const DecodeLimits& limits) {
  JpegReader reader;
  if (!reader.read_header(encoded)) return failure(reader, encoded.size());
  auto image = allocate_image(Codec::kJpeg, reader.width(), reader.height(),
                              reader.gray() ? PixelFormat::kGray : PixelFormat::kBgr, pool, limits);
  if (!image.ok()) return image;
  if (reader.cmyk()) {
    auto inks = allocate_image(Codec::kJpeg, reader.width(), reader.height(), PixelFormat::kBgra, pool, limits);
    if (!inks.ok()) return inks;
    if (!reader.read_pixels(inks->data(), inks->row_bytes())) return failure(reader, encoded.size());
    for (std::size_t y = 0; y < image->height; ++y)
      cmyk_row_to_bgr(inks->row(y), image->width, reader.inverted(), image->row(y));
  } else if (!reader.read_pixels(image->data(), image->row_bytes())) {
    return failure(reader, encoded.size());
  }
  return reader.cut_off() ? Result<Image>(failure(reader, encoded.size())) : image;
}

}  // namespace ocelli::image
