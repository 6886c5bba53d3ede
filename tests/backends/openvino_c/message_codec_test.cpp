// Messages come out as they went in, and bytes that are no message are refused.
#include "backends/openvino_c/protocol/message_codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ocelli::openvino_c {
namespace {

using Bytes = std::vector<std::byte>;

template <typename Message>
Bytes written(const Message& message) {
  MessageWriter writer;
  const auto bytes = writer.write(message);
  return {bytes.begin(), bytes.end()};
}

ModelCompiled a_model() {
  ModelCompiled message;
  message.model = 7;
  message.signature.inputs = {{"x", DataType::kFp32, {{Dimension::fixed(1), {2, 8}, Dimension::any()}}, "NCH"}};
  message.signature.outputs = {{"y", DataType::kInt64, {{}, false}, ""}};
  message.info.runtime = "OpenVINO";
  message.info.streams = 3;
  message.info.loaded_from_cache = true;
  message.info.note = "said so";
  message.shapes_follow_inputs = true;
  return message;
}

TEST(MessageCodec, AMessageComesOutAsItWentIn) {
  ModelCompiled out;
  ASSERT_TRUE(MessageReader::read(written(a_model()), out));
  EXPECT_EQ(out.model, 7U);
  EXPECT_TRUE(out.status.ok());
  EXPECT_EQ(out.signature.inputs.at(0).shape.to_string(), "(1,2:8,-1)");
  EXPECT_EQ(out.signature.inputs.at(0).layout, "NCH");
  EXPECT_FALSE(out.signature.outputs.at(0).shape.rank_known);
  EXPECT_EQ(out.signature.outputs.at(0).type, DataType::kInt64);
  EXPECT_EQ(out.info.streams, 3U);
  EXPECT_TRUE(out.info.loaded_from_cache);
  EXPECT_EQ(out.info.note, "said so");
  EXPECT_TRUE(out.shapes_follow_inputs);

  RunDone done;
  ASSERT_TRUE(MessageReader::read(written(RunDone{3, 4, unavailable("the stick is gone"), {{{2, 3}, 64, 24}}}), done));
  EXPECT_EQ(done.status.to_string(), "UNAVAILABLE: the stick is gone");
  EXPECT_EQ(done.outputs.at(0).shape, (Shape{2, 3}));
  EXPECT_EQ(done.outputs.at(0).offset, 64U);
}

TEST(MessageCodec, EveryShorterOrLongerMessageIsRefused) {
  const Bytes whole = written(a_model());
  ModelCompiled out;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(MessageReader::read(std::span(whole).first(length), out)) << length;
  }
  Bytes longer = whole;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(MessageReader::read(longer, out));
}

TEST(MessageCodec, AnotherKindOrAnotherBuildIsRefused) {
  Bytes bytes = written(Ping{});
  Pong pong;
  EXPECT_EQ(MessageReader::type_of(bytes), MessageType::kPing);
  EXPECT_FALSE(MessageReader::read(bytes, pong));
  bytes[0] ^= std::byte{1};
  EXPECT_EQ(MessageReader::type_of(bytes), std::nullopt);
}

TEST(MessageCodec, WhatGoesBeyondALimitIsNotWritten) {
  MessageWriter writer;
  EXPECT_TRUE(writer.write(Hello{{}, std::string(kMaxText + 1, 'x')}).empty());
  EXPECT_TRUE(writer.write(StartRun{1, 1, 0, std::vector<TensorPlace>(kMaxList + 1)}).empty());
  EXPECT_TRUE(writer.write(Devices{{}, std::vector<WorkerDevice>(kMaxList, {std::string(200, 'd'), "", ""})}).empty());
  EXPECT_FALSE(writer.write(Ping{}).empty()) << "a message that does not fit leaves the writer usable";
}

TEST(MessageCodec, ALongReasonIsCutNotLost) {
  Hello hello;
  ASSERT_TRUE(MessageReader::read(written(Hello{internal_error(std::string(3 * kMaxText, 'e')), ""}), hello));
  EXPECT_EQ(hello.status.message().size(), kMaxText);
}

}  // namespace
}  // namespace ocelli::openvino_c
