// decode(): any bytes give a picture or an error, never a crash, and never more memory than the limits allow.
#include <cstdint>
#include <cstdlib>

#include "image/decode.hpp"
#include "image/resize.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ocelli::BufferPool pool;
  constexpr ocelli::image::DecodeLimits kLimits{
      .max_width = 4096, .max_height = 4096, .max_pixels = std::size_t{1} << 20};
  const auto image = ocelli::image::decode({reinterpret_cast<const std::byte*>(data), size}, pool, kLimits);
  if (!image.ok()) return image.status().message().empty() ? (std::abort(), 0) : 0;
  if (image->width * image->height > kLimits.max_pixels) std::abort();
  const auto small = ocelli::image::resize_bilinear(*image, 17, 9, pool);
  return small.width == 17 ? 0 : (std::abort(), 0);
}
