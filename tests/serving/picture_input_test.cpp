#include "serving/picture_input.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "serving/string_rows.hpp"
#include "tensor/half.hpp"
#include "tensor/string_tensor.hpp"

namespace ocelli::serving {
namespace {

// B, G and R of the pixel at (x, y).
std::uint8_t pixel(std::size_t x, std::size_t y, std::size_t channel) {
  return static_cast<std::uint8_t>(x * 7 + y * 31 + channel * 80);
}

void append(std::string& text, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) text.push_back(static_cast<char>(value >> (8 * i)));
}

// An uncompressed BMP of 24 bits per pixel, rows from the bottom up.
std::string bmp(std::size_t width, std::size_t height) {
  constexpr std::size_t channels = 3;
  const std::size_t row = (width * channels + 3) / 4 * 4;
  std::string file = "BM";
  append(file, static_cast<std::uint32_t>(54 + row * height), 4);
  append(file, 0, 4);
  append(file, 54, 4);
  append(file, 40, 4);
  append(file, static_cast<std::uint32_t>(width), 4);
  append(file, static_cast<std::uint32_t>(height), 4);
  append(file, 1, 2);
  append(file, static_cast<std::uint32_t>(channels * 8), 2);
  for (int i = 0; i < 6; ++i) append(file, 0, 4);
  for (std::size_t y = height; y-- > 0;) {
    std::string line;
    for (std::size_t x = 0; x < width; ++x) {
      for (std::size_t c = 0; c < channels; ++c) line.push_back(static_cast<char>(pixel(x, y, c)));
    }
    line.resize(row);
    file += line;
  }
  return file;
}

struct PictureInputTest : testing::Test {
  TensorView pack(const std::vector<std::string>& files) {
    std::vector<std::string_view> views(files.begin(), files.end());
    packed = pool.get(packed_size(views));
    pack_strings(views, packed->data());
    return {DataType::kString, Shape{static_cast<std::int64_t>(files.size())}, packed->data(), packed_size(views)};
  }
  static TensorSpec spec(DataType type, const Shape& shape, std::string layout = "") {
    return {"image", type, PartialShape::from(shape), std::move(layout)};
  }
  Tensor decode(const TensorSpec& target, const std::vector<std::string>& files) {
    auto result = decode_pictures("image", target, pack(files), {pool, *cpu});
    EXPECT_TRUE(result.ok()) << result.status().to_string();
    return result.ok() ? std::move(result).value() : Tensor();
  }
  std::string refusal(const TensorSpec& target, const std::vector<std::string>& files) {
    const auto result = decode_pictures("image", target, pack(files), {pool, *cpu});
    EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument);
    return std::string(result.status().message());
  }
  template <typename T>
  static T at(const Tensor& tensor, std::size_t index) {
    T value;
    std::memcpy(&value, tensor.view.data + index * sizeof(T), sizeof value);
    return value;
  }

  BufferPool pool;
  std::unique_ptr<image::Preprocessor> cpu = image::make_cpu_preprocessor(pool);
  BufferRef packed;
};

TEST_F(PictureInputTest, PacksBgrInterleavedWithoutScaling) {
  const auto tensor = decode(spec(DataType::kFp32, {2, 3, 5, 3}), {bmp(5, 3), bmp(5, 3)});
  ASSERT_EQ(tensor.view.shape, (Shape{2, 3, 5, 3}));
  for (std::size_t y = 0; y < 3; ++y) {
    for (std::size_t x = 0; x < 5; ++x) {
      for (std::size_t c = 0; c < 3; ++c) {
        EXPECT_EQ(at<float>(tensor, (y * 5 + x) * 3 + c), pixel(x, y, c));
        EXPECT_EQ(at<float>(tensor, 45 + (y * 5 + x) * 3 + c), pixel(x, y, c));
      }
    }
  }
}

TEST_F(PictureInputTest, PacksPlanarWhereTheModelIsNchwWithOrWithoutALayout) {
  for (const char* layout : {"NCHW", "", "N..."}) {
    const auto tensor = decode(spec(DataType::kUint8, {1, 3, 6, 5}, layout), {bmp(5, 6)});
    ASSERT_EQ(tensor.view.shape, (Shape{1, 3, 6, 5})) << layout;
    for (std::size_t c = 0; c < 3; ++c)
      EXPECT_EQ(at<std::uint8_t>(tensor, c * 30 + 2 * 5 + 4), pixel(4, 2, c)) << layout;
  }
}

TEST_F(PictureInputTest, AListWithoutPicturesIsATensorWithoutItems) {
  auto any_number = spec(DataType::kFp32, {1, 3, 6, 5}, "NCHW");
  any_number.shape.dims[0] = Dimension::any();
  const auto none = decode(any_number, {});
  EXPECT_EQ(none.view.shape, (Shape{0, 3, 6, 5}));
  EXPECT_EQ(none.view.bytes, 0U);
  any_number.shape.dims[2] = any_number.shape.dims[3] = Dimension::any();
  EXPECT_EQ(decode(any_number, {}).view.shape, (Shape{0, 3, 1, 1}));
  EXPECT_EQ(refusal(spec(DataType::kFp32, {1, 3, 6, 5}), {}),
            "Invalid input batch size - Expected: 1; Actual: 0; input name: image");
}

TEST_F(PictureInputTest, ConvertsToEveryTypeThatPixelsFit) {
  const auto value = pixel(1, 1, 2);
  const std::size_t index = (1 * 2 + 1) * 3 + 2;
  EXPECT_EQ(at<double>(decode(spec(DataType::kFp64, {1, 2, 2, 3}), {bmp(2, 2)}), index), value);
  EXPECT_EQ(fp16_to_float(at<std::uint16_t>(decode(spec(DataType::kFp16, {1, 2, 2, 3}), {bmp(2, 2)}), index)), value);
  EXPECT_EQ(at<std::int32_t>(decode(spec(DataType::kInt32, {1, 2, 2, 3}), {bmp(2, 2)}), index), value);
  EXPECT_EQ(at<std::uint16_t>(decode(spec(DataType::kUint16, {1, 2, 2, 3}), {bmp(2, 2)}), index), value);
  EXPECT_EQ(at<std::int16_t>(decode(spec(DataType::kInt16, {1, 2, 2, 3}), {bmp(2, 2)}), index), value);
  EXPECT_EQ(at<std::int8_t>(decode(spec(DataType::kInt8, {1, 2, 2, 3}), {bmp(2, 2)}), index), 127) << "saturates";
  EXPECT_FALSE(takes_pictures(spec(DataType::kInt64, {1, 2, 2, 3})));
  EXPECT_FALSE(takes_pictures(spec(DataType::kFp32, {1, 2, 2})));
  EXPECT_TRUE(takes_pictures(spec(DataType::kFp32, {1, 1, 2, 2, 3})));
}

TEST_F(PictureInputTest, ResizesToTheModelAndClampsToItsRanges) {
  const auto halved = decode(spec(DataType::kFp32, {1, 2, 2, 3}), {bmp(4, 4)});
  const float mean = (pixel(0, 0, 0) + pixel(1, 0, 0) + pixel(0, 1, 0) + pixel(1, 1, 0)) / 4.0F;
  EXPECT_FLOAT_EQ(at<float>(halved, 0), mean);
  auto ranged = spec(DataType::kUint8, {1, 1, 1, 3});
  ranged.shape.dims[1] = {8, 16};
  ranged.shape.dims[2] = {8, 16};
  EXPECT_EQ(decode(ranged, {bmp(4, 10)}).view.shape, (Shape{1, 10, 8, 3}));
  EXPECT_EQ(decode(ranged, {bmp(20, 17)}).view.shape, (Shape{1, 16, 16, 3}));
}

TEST_F(PictureInputTest, OpenSizesComeFromTheFirstPicture) {
  auto open = spec(DataType::kUint8, {1, 1, 1, 3});
  for (std::size_t i = 0; i < 3; ++i) open.shape.dims[i] = Dimension::any();
  EXPECT_EQ(decode(open, {bmp(5, 4), bmp(5, 4)}).view.shape, (Shape{2, 4, 5, 3}));
  EXPECT_EQ(refusal(open, {bmp(5, 4), bmp(4, 4)}),
            "Binary input images for this endpoint are required to have the same resolution - Expected: 5x4; Actual: "
            "4x4; input name: image");
}

TEST_F(PictureInputTest, RefusesWithOvmsTexts) {
  const auto target = spec(DataType::kFp32, {1, 4, 4, 3});
  EXPECT_EQ(refusal(target, {bmp(4, 4), bmp(4, 4)}),
            "Invalid input batch size - Expected: 1; Actual: 2; input name: image");
  EXPECT_EQ(refusal(spec(DataType::kFp32, {1, 4, 4, 1}), {bmp(4, 4)}),
            "Invalid number of channels in binary input - Expected: 1; Actual: 3; input name: image");
  EXPECT_EQ(refusal(target, {"no picture"}).rfind("Image parsing failed", 0), 0u);
  EXPECT_EQ(refusal(target, {bmp(4, 4).substr(0, 60)}).rfind("Image parsing failed", 0), 0u);
  auto twice = pack({bmp(4, 4)});
  twice.shape = Shape{1, 1};
  EXPECT_EQ(decode_pictures("image", target, twice, {pool, *cpu}).status().message(),
            "Invalid number of shape dimensions - Expected number of input shape dimensions: 1; Actual: 2; input name: "
            "image");
  auto lying = pack({bmp(4, 4)});
  lying.bytes -= 1;
  const auto refused = decode_pictures("image", target, lying, {pool, *cpu}).status();
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(
      refused.message().starts_with("Inputs inside buffer does not match expected format. - Expected: 1 "
                                    "elements, each a length of 4 bytes and as many bytes; Actual: "))
      << "what a picture without its length looks like: " << refused.message();
}

TEST_F(PictureInputTest, LayoutsThatPicturesAreNotPackedInAreRefused) {
  for (const char* layout : {"NWHC", "NHCW", "NCWH", "CHWN", "NWCH", "HWCN"}) {
    EXPECT_EQ(refusal(spec(DataType::kFp32, {1, 3, 3, 3}, layout), {bmp(3, 3)}),
              std::string("Received binary image input but resource not configured to accept NHWC layout - Expected: "
                          "NHWC, NCHW or N?HWC; Actual: ") +
                  layout + "; input name: image");
  }
}

TEST_F(PictureInputTest, PicturesOfOneListHaveTheSameChannels) {
  auto any = spec(DataType::kUint8, {2, 5, 5, 3});
  any.shape.dims[3] = Dimension::any();
  const auto gray = "P5 4 4 255\n" + std::string(16, 'g');
  EXPECT_EQ(refusal(any, {bmp(4, 4), gray}),
            "Invalid number of channels in binary input - Expected: 3; Actual: 1; input name: image");
}

TEST_F(PictureInputTest, WhatPicturesBecomeIsChargedToTheirRequest) {
  const auto target = spec(DataType::kUint8, {2, 4, 4, 3});
  ByteCharge charge(std::make_shared<ByteBudget>(100));
  const auto files = pack({bmp(4, 4), bmp(4, 4)});
  EXPECT_TRUE(decode_pictures("image", target, files, {ChargedPool(pool, &charge), *cpu}).ok());
  EXPECT_EQ(charge.bytes(), 96U);
  EXPECT_THROW((void)decode_pictures("image", target, files, {ChargedPool(pool, &charge), *cpu}), std::bad_alloc);
  EXPECT_TRUE(charge.refused());
}

// A request of many pictures is decoded for seconds.
TEST_F(PictureInputTest, WhatNobodyWantsAnyMoreEndsBetweenTwoPictures) {
  const auto target = spec(DataType::kUint8, {3, 4, 4, 3});
  int asked = 0;
  const auto still_wanted = [&asked] {
    return ++asked < 2 ? Status() : Status(StatusCode::kCancelled, "Request was cancelled");
  };
  const auto files = pack({bmp(4, 4), bmp(4, 4), "no picture"});
  EXPECT_EQ(decode_pictures("image", target, files, {pool, *cpu, still_wanted}).status().code(),
            StatusCode::kCancelled);
  EXPECT_EQ(asked, 2);
}

TEST_F(PictureInputTest, TextsBecomeRowsAndRowsTexts) {
  TensorSpec rows{"text", DataType::kUint8, PartialShape::from({1, 1}), ""};
  rows.shape.dims = {Dimension::any(), Dimension::any()};
  ASSERT_TRUE(takes_string_rows(rows));
  const auto tensor = strings_to_rows("text", rows, pack({"ab", "", "wxyz"}), pool);
  ASSERT_TRUE(tensor.ok());
  ASSERT_EQ(tensor->view.shape, (Shape{3, 5}));
  EXPECT_EQ(std::memcmp(tensor->view.data, "ab\0\0\0\0\0\0\0\0wxyz", 15), 0);
  const auto back = rows_to_strings("y", tensor->view, pool);
  ASSERT_TRUE(back.ok());
  const auto texts = unpack_strings({back->view.data, back->view.bytes}, 3);
  ASSERT_TRUE(texts.ok());
  EXPECT_EQ(*texts, (std::vector<std::string_view>{"ab", "", "wxyz"}));
  rows.shape.dims[1] = Dimension::fixed(4);
  EXPECT_EQ(strings_to_rows("text", rows, pack({"wxyz"}), pool).status().message(),
            "Invalid input shape - Expected: (-1,4); Actual: (1,5); input name: text");
  const TensorView empty{DataType::kUint8, {1'000'000'000'000, 0}, tensor->view.data, 0};
  EXPECT_EQ(rows_to_strings("y", empty, pool).status().message(),
            "Too many rows to be given as strings - Limit: 268435456; Actual: 1000000000000; output name: y");
}

}  // namespace
}  // namespace ocelli::serving
