#include "image/resize.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace ocelli::image {
namespace {

Image gray(std::size_t width, std::size_t height, std::initializer_list<int> values, BufferPool& pool) {
  Image image{width, height, PixelFormat::kGray, pool.get(width * height)};
  std::transform(values.begin(), values.end(), image.data(),
                 [](int value) { return static_cast<std::uint8_t>(value); });
  return image;
}

TEST(Resize, SameSizeSharesThePixels) {
  BufferPool pool;
  const auto image = gray(2, 1, {3, 9}, pool);
  EXPECT_EQ(resize_bilinear(image, 2, 1, pool).data(), image.data());
}

TEST(Resize, DoublingPutsQuartersBetweenCentres) {
  BufferPool pool;
  const auto image = gray(2, 1, {0, 200}, pool);
  const auto wide = resize_bilinear(image, 4, 1, pool);
  const std::array<int, 4> expected{0, 50, 150, 200};
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), wide.data()));
  std::array<float, 4> floats{};
  resize_bilinear_f32(image, 4, 1, floats.data());
  EXPECT_EQ(floats, (std::array<float, 4>{0, 50, 150, 200}));
}

TEST(Resize, ConstantPicturesStayConstant) {
  BufferPool pool;
  Image image{37, 23, PixelFormat::kBgr, pool.get(37 * 23 * 3)};
  std::memset(image.data(), 177, image.bytes());
  for (const auto& [width, height] : {std::pair{11, 50}, std::pair{200, 3}, std::pair{1, 1}}) {
    const auto out = resize_bilinear(image, static_cast<std::size_t>(width), static_cast<std::size_t>(height), pool);
    EXPECT_TRUE(std::all_of(out.data(), out.data() + out.bytes(), [](int value) { return value == 177; }))
        << width << "x" << height;
  }
}

}  // namespace
}  // namespace ocelli::image
