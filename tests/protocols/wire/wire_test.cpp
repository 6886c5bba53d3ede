// The wire walk against libprotobuf's own encoder.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "inference/grpc_service.pb.h"
#include "protocols/wire/repeated_values.hpp"
#include "protocols/wire/tensor_bytes.hpp"
#include "protocols/wire/wire_reader.hpp"
#include "protocols/wire/wire_writer.hpp"

namespace ocelli::wire {
namespace {

Bytes bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

template <typename T>
std::vector<T> converted(const RepeatedValues& values, DataType type) {
  std::vector<T> out(values.count());
  EXPECT_TRUE(values.copy_to(type, reinterpret_cast<std::byte*>(out.data())).ok());
  return out;
}

TEST(WireReader, WalksWhatProtobufWrote) {
  inference::ModelInferRequest request;
  request.set_model_name("m");
  request.set_id(std::string(300, 'x'));
  request.add_raw_input_contents("abc");
  const auto encoded = request.SerializeAsString();
  WireReader reader(bytes_of(encoded));
  Field field;
  ASSERT_TRUE(reader.next(field));
  EXPECT_TRUE(field.is(1, WireType::kLength));
  EXPECT_EQ(field.text(), "m");
  ASSERT_TRUE(reader.next(field));
  EXPECT_EQ(field.number, 3u);
  EXPECT_EQ(field.bytes.size(), 300u);
  ASSERT_TRUE(reader.next(field));
  EXPECT_EQ(field.text(), "abc");
  EXPECT_FALSE(reader.next(field));
  EXPECT_TRUE(reader.ok());
}

TEST(WireReader, RefusesEveryTruncation) {
  inference::ModelInferRequest request;
  request.set_model_name("model");
  (*request.mutable_parameters())["timeout"].set_int64_param(-5);
  const auto encoded = request.SerializeAsString();
  std::size_t whole = 0;
  for (std::size_t length = 0; length <= encoded.size(); ++length) {
    WireReader reader(bytes_of(encoded).first(length));
    Field field;
    while (reader.next(field)) {
    }
    whole += reader.ok() ? 1 : 0;
  }
  // Nothing, the first field alone, and everything.
  EXPECT_EQ(whole, 3u);
}

TEST(WireReader, RefusesGroupsFieldZeroAndLongVarints) {
  for (const std::string& bad :
       {std::string("\x0B", 1), std::string("\x00\x01", 2), std::string("\x08") + std::string(10, '\xFF') + "\x01",
        std::string("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11)}) {
    WireReader reader(bytes_of(bad));
    Field field;
    EXPECT_FALSE(reader.next(field));
    EXPECT_FALSE(reader.ok());
  }
}

TEST(WireWriter, WritesWhatProtobufReads) {
  std::string out;
  append_text(out, 1, "name");
  append_text(out, 2, "");
  append_length_prefix(out, 7, 3);
  out += "abc";
  inference::ModelInferRequest request;
  ASSERT_TRUE(request.ParseFromString(out));
  EXPECT_EQ(request.model_name(), "name");
  EXPECT_EQ(request.raw_input_contents(0), "abc");
  for (const std::uint64_t value :
       {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, std::uint64_t{1} << 35, UINT64_MAX}) {
    std::string varint;
    append_varint(varint, value);
    EXPECT_EQ(varint.size(), varint_size(value));
    std::uint64_t back = 1;
    const auto* at = bytes_of(varint).data();
    EXPECT_TRUE(read_varint(at, at + varint.size(), back));
    EXPECT_EQ(back, value);
  }
}

TEST(RepeatedValues, ReadsPackedIntegersOfEveryWidth) {
  inference::InferTensorContents contents;
  for (const int value : {0, -1, 127, -128}) contents.add_int_contents(value);
  for (const auto value : {std::numeric_limits<std::int64_t>::min(), std::int64_t{-7}, std::int64_t{1} << 60})
    contents.add_int64_contents(value);
  contents.add_uint64_contents(UINT64_MAX);
  const auto encoded = contents.SerializeAsString();

  const auto ints = RepeatedValues::find(bytes_of(encoded), 2, WireType::kVarint);
  ASSERT_TRUE(ints);
  EXPECT_EQ(converted<std::int8_t>(*ints, DataType::kInt8), (std::vector<std::int8_t>{0, -1, 127, -128}));
  EXPECT_EQ(converted<std::int32_t>(*ints, DataType::kInt32), (std::vector<std::int32_t>{0, -1, 127, -128}));
  EXPECT_FALSE(ints->contiguous());
  const auto longs = RepeatedValues::find(bytes_of(encoded), 3, WireType::kVarint);
  ASSERT_TRUE(longs);
  EXPECT_EQ(converted<std::int64_t>(*longs, DataType::kInt64)[0], std::numeric_limits<std::int64_t>::min());
  const auto unsigned_longs = RepeatedValues::find(bytes_of(encoded), 5, WireType::kVarint);
  ASSERT_TRUE(unsigned_longs);
  EXPECT_EQ(converted<std::uint64_t>(*unsigned_longs, DataType::kUint64)[0], UINT64_MAX);
}

TEST(RepeatedValues, RefusesValuesThatDoNotFit) {
  inference::InferTensorContents contents;
  contents.add_int_contents(128);
  contents.add_uint_contents(65536);
  const auto encoded = contents.SerializeAsString();
  std::byte out[8];
  const auto status = RepeatedValues::find(bytes_of(encoded), 2, WireType::kVarint)->copy_to(DataType::kInt8, out);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "Value does not fit the data type - Expected: INT8; Actual: 128");
  EXPECT_FALSE(RepeatedValues::find(bytes_of(encoded), 4, WireType::kVarint)->copy_to(DataType::kUint16, out).ok());
}

TEST(RepeatedValues, ReadsUnpackedAndSplitBlocks) {
  // Field 6 (float): one element by itself, a block of two, one by itself.
  std::string message;
  const auto put_float = [&](float value) { message.append(reinterpret_cast<const char*>(&value), sizeof value); };
  append_varint(message, tag_of(6, WireType::kFixed32));
  put_float(1.5F);
  append_length_prefix(message, 6, 8);
  put_float(2.5F);
  put_float(3.5F);
  append_varint(message, tag_of(6, WireType::kFixed32));
  put_float(4.5F);
  const auto values = RepeatedValues::find(bytes_of(message), 6, WireType::kFixed32);
  ASSERT_TRUE(values);
  EXPECT_FALSE(values->contiguous());
  EXPECT_EQ(converted<float>(*values, DataType::kFp32), (std::vector<float>{1.5F, 2.5F, 3.5F, 4.5F}));
  message.pop_back();
  EXPECT_FALSE(RepeatedValues::find(bytes_of(message), 6, WireType::kFixed32));
}

TEST(TensorBytes, FixedWidthBlocksStayInPlaceAndOthersAreCopied) {
  BufferPool pool;
  auto message = Buffer::allocate(64);
  const InputHead head{"x", DataType::kFp32, {2}, nullptr};
  const InputSource source{message, pool};
  const auto aligned = tensor_in_place(head, {message->data() + 8, 8}, source);
  EXPECT_EQ(aligned.view.data, message->data() + 8);
  EXPECT_EQ(aligned.owner.get(), message.get());
  std::memcpy(message->data() + 9, "12345678", 8);
  const auto moved = tensor_in_place(head, {message->data() + 9, 8}, source);
  EXPECT_NE(moved.view.data, message->data() + 9);
  EXPECT_EQ(std::memcmp(moved.view.data, "12345678", 8), 0);
}

TEST(TensorBytes, OneValueFillsOnlyWhatTheModelAccepts) {
  BufferPool pool;
  const BufferRef none;
  const InputSource source{none, pool};
  inference::InferTensorContents contents;
  contents.add_fp32_contents(2.5F);
  const auto encoded = contents.SerializeAsString();
  const auto values = RepeatedValues::find(bytes_of(encoded), 6, WireType::kFixed32);
  const TensorSpec spec{"x", DataType::kFp32, PartialShape::from({1, 3}), ""};
  const auto filled = tensor_from_values({"x", DataType::kFp32, {1, 3}, &spec}, *values, true, source);
  ASSERT_TRUE(filled.fault.ok());
  float out[3];
  ASSERT_EQ(filled.tensor.view.bytes, sizeof out);
  std::memcpy(out, filled.tensor.view.data, sizeof out);
  EXPECT_EQ(out[2], 2.5F);

  EXPECT_EQ(tensor_from_values({"x", DataType::kFp32, {1, 3}, &spec}, *values, false, source).fault.message(),
            "Invalid number of values in tensor proto container - Expected: 3 values; Actual: 1 values; input name: x");
  for (const TensorSpec* known : {&spec, static_cast<const TensorSpec*>(nullptr)}) {
    const Shape large{1 << 20, 1 << 20};
    const auto left = tensor_from_values({"x", DataType::kFp32, large, known}, *values, true, source);
    EXPECT_TRUE(left.fault.ok()) << "the servable says what is wrong";
    EXPECT_EQ(left.tensor.view.shape, large);
    EXPECT_EQ(left.tensor.view.bytes, 0U);
  }
  TensorSpec any = spec;
  any.shape.dims = {Dimension::any(), Dimension::any()};
  EXPECT_EQ(tensor_from_values({"x", DataType::kFp32, {1 << 20, 1 << 20}, &any}, *values, true, source).fault.code(),
            StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace ocelli::wire
