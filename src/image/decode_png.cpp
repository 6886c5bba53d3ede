#include <fmt/format.h>
#include <png.h>

#include <csetjmp>
#include <cstring>
#include <vector>

#include "image/codecs.hpp"

namespace ocelli::image {
namespace {

struct PngInput {
  std::span<const std::byte> bytes;
  std::size_t at = 0;
  char message[160] = "";
};

void read_bytes(png_structp png, png_bytep out, std::size_t count) {
  auto* input = static_cast<PngInput*>(png_get_io_ptr(png));
  if (count > input->bytes.size() - input->at) png_error(png, "its data ends early");
  std::memcpy(out, input->bytes.data() + input->at, count);
  input->at += count;
}

[[noreturn]] void on_error(png_structp png, png_const_charp text) {
  auto* input = static_cast<PngInput*>(png_get_error_ptr(png));
  std::snprintf(input->message, sizeof input->message, "%s", text);
  std::longjmp(*png_set_longjmp_fn(png, std::longjmp, sizeof(std::jmp_buf)), 1);
}

void on_warning(png_structp, png_const_charp) {}

class PngReader {
 public:
  explicit PngReader(std::span<const std::byte> encoded) {
    input_.bytes = encoded;
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &input_, on_error, on_warning);
    if (png_) info_ = png_create_info_struct(png_);
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  // Reads the header and asks for 8 bits per channel, no palette, and blue first.
  bool read_header() {
    if (!png_ || !info_) return false;
    if (setjmp(png_jmpbuf(png_))) return false;
    png_set_read_fn(png_, &input_, read_bytes);
    // Texts, profiles and the like would be inflated and kept, eight megabytes for each of a thousand small chunks.
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_read_info(png_, info_);
    png_set_strip_16(png_);
    png_set_expand(png_);
    png_set_bgr(png_);
    if ((png_get_color_type(png_, info_) & PNG_COLOR_MASK_COLOR) == 0 && has_alpha()) png_set_gray_to_rgb(png_);
    passes_ = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }

  bool read_pixels(png_bytepp rows) {
    if (setjmp(png_jmpbuf(png_))) return false;
    png_read_image(png_, rows);
    png_read_end(png_, nullptr);
    return true;
  }

  [[nodiscard]] std::size_t width() const { return png_get_image_width(png_, info_); }
  [[nodiscard]] std::size_t height() const { return png_get_image_height(png_, info_); }
  [[nodiscard]] std::size_t row_bytes() const { return png_get_rowbytes(png_, info_); }
  [[nodiscard]] PixelFormat format() const {
    const int count = png_get_channels(png_, info_);
    return count == 1 ? PixelFormat::kGray : count == 3 ? PixelFormat::kBgr : PixelFormat::kBgra;
  }
  [[nodiscard]] const char* message() const { return input_.message[0] ? input_.message : "libpng has no memory"; }

 private:
  [[nodiscard]] bool has_alpha() const {
    return (png_get_color_type(png_, info_) & PNG_COLOR_MASK_ALPHA) != 0 ||
           png_get_valid(png_, info_, PNG_INFO_tRNS) != 0;
  }

  PngInput input_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  int passes_ = 1;
};

Status failure(const PngReader& reader) {
  return invalid_argument(fmt::format("PNG picture cannot be read: {}", reader.message()));
}

}  // namespace

Result<Image> decode_png(std::span<const std::byte> encoded, BufferPool& pool, const DecodeLimits& limits) {
  PngReader reader(encoded);
  if (!reader.read_header()) return failure(reader);
  auto image = allocate_image(Codec::kPng, reader.width(), reader.height(), reader.format(), pool, limits);
  if (!image.ok()) return image;
  if (reader.row_bytes() != image->row_bytes()) {
    return internal_error(
        fmt::format("PNG rows of {} bytes where {} were expected", reader.row_bytes(), image->row_bytes()));
  }
  std::vector<png_bytep> rows(image->height);
  for (std::size_t y = 0; y < image->height; ++y) rows[y] = image->row(y);
  if (!reader.read_pixels(rows.data())) return failure(reader);
  return image;
}

}  // namespace ocelli::image
