#include "image/decode.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string_view>
#include <vector>

namespace ocelli::image {
namespace {

std::vector<std::byte> bytes(std::string_view text) {
  std::vector<std::byte> result(text.size());
  std::memcpy(result.data(), text.data(), text.size());
  return result;
}

// A 24-bit, bottom-up BMP of 2x2 pixels.
std::vector<std::byte> small_bmp() {
  std::vector<std::byte> file(54 + 16);
  const auto put = [&](std::size_t at, std::uint32_t value, std::size_t count) {
    std::memcpy(file.data() + at, &value, count);
  };
  file[0] = std::byte{'B'};
  file[1] = std::byte{'M'};
  put(10, 54, 4);
  put(14, 40, 4);
  put(18, 2, 4);
  put(22, 2, 4);
  put(26, 1, 2);
  put(28, 24, 2);
  for (std::uint8_t i = 0; i < 6; ++i) file[54 + i] = std::byte{i};
  for (std::uint8_t i = 0; i < 6; ++i) file[62 + i] = static_cast<std::byte>(100 + i);
  return file;
}

TEST(Decode, UnknownBytesNameWhatIsSupported) {
  BufferPool pool;
  const auto result = decode(bytes("GIF89a..."), pool);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(result.status().message(),
            "not a picture that can be read: 9 bytes that begin with none of the signatures of JPEG, PNG, WebP, BMP");
  EXPECT_FALSE(decode({}, pool).ok());
}

TEST(Decode, SignatureAloneIsAnError) {
  BufferPool pool;
  for (const std::string_view head : {std::string_view("\xFF\xD8\xFF"), std::string_view("\x89PNG\r\n\x1A\n"),
                                      std::string_view("RIFF\0\0\0\0WEBP", 12), std::string_view("BM")}) {
    EXPECT_EQ(decode(bytes(head), pool).status().code(), StatusCode::kInvalidArgument) << head;
  }
}

TEST(Decode, BmpRowsAreTurnedUpright) {
  BufferPool pool;
  const auto image = decode(small_bmp(), pool);
  ASSERT_TRUE(image.ok()) << image.status().to_string();
  EXPECT_EQ(image->width, 2u);
  EXPECT_EQ(image->height, 2u);
  EXPECT_EQ(image->row(0)[0], 100) << "the first stored row is the lowest";
  EXPECT_EQ(image->row(1)[5], 5);
}

TEST(Decode, LimitsAreCheckedBeforeMemoryIsTaken) {
  BufferPool pool;
  auto file = small_bmp();
  const std::uint32_t huge = 30000;
  std::memcpy(file.data() + 18, &huge, sizeof huge);
  std::memcpy(file.data() + 22, &huge, sizeof huge);
  const auto result = decode(file, pool);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.status().message().find("too large: 30000x30000"), std::string_view::npos)
      << result.status().message();
  const auto tight = decode(small_bmp(), pool, {.max_width = 1, .max_height = 9, .max_pixels = 9});
  EXPECT_FALSE(tight.ok());
}

TEST(Decode, BmpThatIsCutOffIsAnError) {
  BufferPool pool;
  auto file = small_bmp();
  file.resize(file.size() - 1);
  const auto result = decode(file, pool);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.status().message().find("cut off"), std::string_view::npos);
}

}  // namespace
}  // namespace ocelli::image
