#include "image/decode.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
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
            "not a picture that can be read: 9 bytes that begin with none of the signatures of JPEG, PNG, WebP, BMP, "
            "TIFF, PNM");
  EXPECT_FALSE(decode({}, pool).ok());
}

TEST(Decode, SignatureAloneIsAnError) {
  BufferPool pool;
  for (const std::string_view head :
       {std::string_view("\xFF\xD8\xFF"), std::string_view("\x89PNG\r\n\x1A\n"),
        std::string_view("RIFF\0\0\0\0WEBP", 12), std::string_view("BM"), std::string_view("II*\0", 4),
        std::string_view("MM\0+", 4), std::string_view("P5 "), std::string_view("P1#")}) {
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

TEST(Decode, PnmAsTextAndRaw) {
  BufferPool pool;
  const auto pixels = [&](std::string_view file) {
    const auto image = decode(bytes(file), pool);
    if (!image.ok()) return std::string(image.status().message());
    return std::string(reinterpret_cast<const char*>(image->data()), image->bytes());
  };
  using namespace std::string_view_literals;
  EXPECT_EQ(pixels("P2\n# a comment\n2 1 # another\n255\n65 66"), "AB");
  EXPECT_EQ(pixels("P3 1 2 255 67 66 65\n70 69 68"), "ABCDEF") << "files have red first, pictures blue";
  EXPECT_EQ(pixels("P5 2 1 255\nAB"), "AB");
  EXPECT_EQ(pixels("P6 1 1 255\nCBA and what does not belong to it"), "ABC");
  EXPECT_EQ(pixels("P5 3 1 5\n\0\1\5"sv), "\0\x33\xFF"sv) << "5 is full brightness";
  EXPECT_EQ(pixels("P5 2 1 65535\n\x41\x41\xFF\xFF"), "A\xFF");
  EXPECT_EQ(pixels("P1 3 2 101 0 1 0"), "\0\xFF\0\xFF\0\xFF"sv) << "1 is black";
  EXPECT_EQ(pixels("P4 9 1\n\x7F\xFF"), "\xFF\0\0\0\0\0\0\0\0"sv) << "rows begin in a byte of their own";

  EXPECT_EQ(pixels("P5 2 1 255\nA"), "PNM picture of 2x1 is cut off: 2 bytes of pixels expected, 1 given");
  EXPECT_EQ(pixels("P4 9 2\n123"), "PNM picture of 9x2 is cut off: 4 bytes of pixels expected, 3 given");
  EXPECT_EQ(pixels("P2 2 1 255 1"), "PNM picture of 2x1: sample 1 is missing, or no number from 0 to 255");
  EXPECT_EQ(pixels("P2 2 1 9 1 10"), "PNM picture of 2x1: sample 1 is missing, or no number from 0 to 9");
  EXPECT_EQ(pixels("P5 1 1 9\n\x0A"), "PNM picture of 1x1: sample 0 is missing, or no number from 0 to 9");
  EXPECT_EQ(pixels("P1 2 1 12"), "PNM picture of 2x1: sample 1 is missing, or no number from 0 to 1");
  EXPECT_EQ(pixels("P5 0 1 255\n"), "PNM picture has no pixels: 0x1");
  for (const auto* broken :
       {"P5 2 1 0\nAB", "P5 2 1 65536\nAB", "P5 2 -1 255\nAB", "P5 2", "P5 2 1 255", "P6 99999999999 1 1\n"})
    EXPECT_EQ(pixels(broken),
              fmt::format("PNM header is broken; expected P{} width height maximum (1 to 65535)", broken[1]));
}

}  // namespace
}  // namespace ocelli::image
