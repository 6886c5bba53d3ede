#include "protocols/classification/classification.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "tensor/string_tensor.hpp"

namespace ocelli::classification {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Answer {
  Shape shape;
  std::vector<std::string> texts;
};

template <typename T>
Tensor tensor(DataType type, const Shape& shape, const std::vector<T>& values) {
  auto buffer = Buffer::allocate(values.size() * sizeof(T) + 1);
  if (!values.empty()) std::memcpy(buffer->data(), values.data(), values.size() * sizeof(T));
  return Tensor::of(type, shape, std::move(buffer), 0, values.size() * sizeof(T));
}

serving::ServableMetadata model(const std::string& layout = "") {
  serving::ServableMetadata metadata;
  PartialShape any;
  any.rank_known = false;
  metadata.outputs = {{"y", DataType::kFp32, any, layout}};
  return metadata;
}

template <typename T>
Answer classified(DataType type, const Shape& shape, const std::vector<T>& values, std::uint32_t classes,
                  const std::string& layout = "") {
  BufferPool pool;
  const auto result = classify({"y", tensor(type, shape, values), false}, model(layout), classes, pool);
  EXPECT_TRUE(result.ok()) << result.status().to_string();
  if (!result.ok()) return {};
  EXPECT_EQ(result->view.type, DataType::kString);
  Answer answer{result->view.shape, {}};
  const auto strings = unpack_strings({result->view.data, result->view.bytes});
  EXPECT_TRUE(strings.ok());
  for (const std::string_view text : *strings) answer.texts.emplace_back(text);
  return answer;
}

TEST(Classification, GivesTheLargestOfEachItemInTritonsFormat) {
  const auto answer = classified<float>(DataType::kFp32, {2, 3}, {0.1F, 1.0F / 3, -2, 1e-7F, 123456789.0F, 0.5F}, 2);
  EXPECT_EQ(answer.shape, (Shape{2, 2}));
  EXPECT_THAT(answer.texts, ElementsAre("0.333333:1", "0.100000:0", "123456792.000000:1", "0.500000:2"));
}

// Nobody pays for their memory, so that there may be more of them than can be counted through.
TEST(Classification, ItemsWithoutValuesHaveNoClasses) {
  const auto answer = classified<float>(DataType::kFp32, {1'000'000'000'000, 0}, {}, 2);
  EXPECT_EQ(answer.shape, (Shape{1'000'000'000'000, 0}));
  EXPECT_THAT(answer.texts, testing::IsEmpty());
}

TEST(Classification, TooManyValuesAreRefused) {
  BufferPool pool;
  const auto map = tensor(DataType::kUint8, {1, 3, 512, 1024}, std::vector<std::uint8_t>(3 * 512 * 1024));
  const auto result = classify({"y", map, false}, model(), 5, pool);
  ASSERT_EQ(result.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(result.status().message(), "output y has 1572864 values; at most 1000000 can be classified");
}

TEST(Classification, CountsOverAllDimensionsOfAnItem) {
  EXPECT_THAT(classified<double>(DataType::kFp64, {1, 2, 2}, {1, 4, 3, 2}, 1).texts, ElementsAre("4.000000:1"));
  const auto flat = classified<std::int32_t>(DataType::kInt32, {4}, {-1, 7, 7, 9}, 3);
  EXPECT_EQ(flat.shape, Shape{3});
  EXPECT_THAT(flat.texts, ElementsAre("9:3", "7:1", "7:2")) << "of equal ones the lower index";
  const auto no_batch = classified<std::uint8_t>(DataType::kUint8, {2, 2}, {200, 1, 255, 3}, 1, "CH");
  EXPECT_EQ(no_batch.shape, Shape{1});
  EXPECT_THAT(no_batch.texts, ElementsAre("255:2"));
}

TEST(Classification, IsClippedToWhatThereIs) {
  const auto all = classified<std::int64_t>(DataType::kInt64, {1, 2}, {std::numeric_limits<std::int64_t>::max(), -1},
                                            std::numeric_limits<std::uint32_t>::max());
  EXPECT_EQ(all.shape, (Shape{1, 2}));
  EXPECT_THAT(all.texts, ElementsAre("9223372036854775807:0", "-1:1"));
  EXPECT_EQ(classified<float>(DataType::kFp32, {0, 5}, {}, 3).shape, (Shape{0, 0}));
  EXPECT_EQ(classified<float>(DataType::kFp32, {2, 0}, {}, 3).shape, (Shape{2, 0}));
  EXPECT_THAT(classified<float>(DataType::kFp32, {}, {5}, 3).texts, ElementsAre("5.000000:0"));
}

TEST(Classification, KnowsEveryKindOfNumber) {
  EXPECT_THAT(classified<std::int8_t>(DataType::kInt8, {2}, {-128, 127}, 1).texts, ElementsAre("127:1"));
  EXPECT_THAT(classified<std::int16_t>(DataType::kInt16, {2}, {-5, -6}, 1).texts, ElementsAre("-5:0"));
  EXPECT_THAT(classified<std::uint16_t>(DataType::kUint16, {2}, {1, 65535}, 1).texts, ElementsAre("65535:1"));
  EXPECT_THAT(classified<std::uint32_t>(DataType::kUint32, {2}, {1, 4294967295U}, 1).texts,
              ElementsAre("4294967295:1"));
  EXPECT_THAT(classified<std::uint64_t>(DataType::kUint64, {2}, {1, ~0ULL}, 1).texts,
              ElementsAre("18446744073709551615:1"));
  EXPECT_THAT(classified<std::uint16_t>(DataType::kFp16, {2}, {0xbe00, 0x3e00}, 2).texts,
              ElementsAre("1.500000:1", "-1.500000:0"));
  EXPECT_THAT(classified<std::uint16_t>(DataType::kBf16, {2}, {0x3f80, 0x4000}, 2).texts,
              ElementsAre("2.000000:1", "1.000000:0"));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinite = std::numeric_limits<float>::infinity();
  EXPECT_THAT(classified<float>(DataType::kFp32, {4}, {nan, 1, infinite, -infinite}, 4).texts,
              ElementsAre("inf:2", "1.000000:1", "-inf:3", "nan:0"));
}

TEST(Classification, RefusesWhatIsNoNumberByName) {
  BufferPool pool;
  const auto result = classify({"y", tensor<std::uint8_t>(DataType::kBool, {2}, {0, 1}), false}, model(), 1, pool);
  EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("Actual: BOOL; output name: y"));
  const auto words = classify({"y", tensor<char>(DataType::kString, {1}, {0, 0, 0, 0}), false}, model(), 1, pool);
  EXPECT_THAT(std::string(words.status().message()), HasSubstr("Actual: BYTES; output name: y"));
}

}  // namespace
}  // namespace ocelli::classification
