#include "protocols/kserve/infer_reply.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "support/fake_catalog.hpp"

namespace ocelli::kserve {
namespace {

std::string whole(const transport::ReplyBody& body) {
  std::string text = body.text();
  for (const auto& piece : body.pieces())
    text.append(reinterpret_cast<const char*>(piece.bytes.data()), piece.bytes.size());
  return text;
}

template <typename T>
void add_output(InferRequest& request, std::string_view name, DataType type, const Shape& shape,
                const std::vector<T>& values) {
  request.call.outputs.push_back(
      {name, test::make_tensor(type, shape, values.data(), values.size() * sizeof(T)), false});
}

OutputFormat in_binary() {
  OutputFormat format;
  format.binary = true;
  return format;
}

const std::vector<float> kTen{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

TEST(InferReply, IsTheExampleOfTheSpecification) {
  InferRequest request;
  request.call.servable = test::make_dummy();
  request.id = "7";
  add_output(request, "a", DataType::kFp32, {1, 10}, kTen);
  transport::ReplyBody body;
  const auto length = write_infer_reply(request, body);
  ASSERT_TRUE(length.ok());
  EXPECT_EQ(*length, 0u);
  EXPECT_EQ(whole(body), R"({
    "model_name": "dummy",
    "id": "7",
    "model_version": "1",
    "outputs": [{
            "name": "a",
            "shape": [1, 10],
            "datatype": "FP32",
            "data": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]
        }]
})");
}

TEST(InferReply, BinaryOutputsFollowTheJsonWithoutBeingCopied) {
  InferRequest request;
  request.call.servable = test::make_dummy();
  add_output(request, "a", DataType::kFp32, {1, 10}, kTen);
  add_output<std::int64_t>(request, "n", DataType::kInt64, {2}, {-1, 5});
  request.call.requested.push_back({"a", {}, {}});
  request.formats.push_back(in_binary());
  const auto* bytes = request.call.outputs[0].tensor.view.data;
  transport::ReplyBody body;
  const auto length = write_infer_reply(request, body);
  ASSERT_TRUE(length.ok());
  EXPECT_EQ(*length, body.text().size());
  ASSERT_EQ(body.pieces().size(), 1u);
  EXPECT_EQ(body.pieces()[0].bytes.data(), bytes);
  EXPECT_TRUE(body.pieces()[0].owner) << "the reply keeps the bytes alive";
  EXPECT_EQ(body.pieces()[0].bytes.size(), 40u);
  EXPECT_EQ(body.text(), R"({
    "model_name": "dummy",
    "model_version": "1",
    "outputs": [{
            "name": "a",
            "shape": [1, 10],
            "datatype": "FP32",
            "parameters": {
                "binary_data_size": 40
            }
        }, {
            "name": "n",
            "shape": [2],
            "datatype": "INT64",
            "data": [-1, 5]
        }]
})");
}

TEST(InferReply, AllOutputsAreBinaryWhereTheClientNamesNoneAndWantsThatForm) {
  InferRequest request;
  request.call.servable = test::make_dummy();
  request.binary_outputs = true;
  add_output(request, "a", DataType::kFp32, {1}, std::vector<float>{std::numeric_limits<float>::quiet_NaN()});
  add_output<std::int64_t>(request, "n", DataType::kInt64, {2}, {-1, 5});
  transport::ReplyBody body;
  const auto length = write_infer_reply(request, body);
  ASSERT_TRUE(length.ok()) << length.status().to_string();
  EXPECT_EQ(*length, body.text().size());
  EXPECT_EQ(whole(body).size(), *length + sizeof(float) + 2 * sizeof(std::int64_t));
  EXPECT_EQ(body.text().find("\"data\""), std::string::npos);
  EXPECT_EQ(json_tensor_bytes(request), 0U);
}

TEST(InferReply, WritesStringsBothWays) {
  InferRequest request;
  request.call.servable = test::make_dummy();
  const std::vector<char> packed{1, 0, 0, 0, 'x', 2, 0, 0, 0, '"', 'y'};
  add_output(request, "s", DataType::kString, {2}, packed);
  transport::ReplyBody body;
  ASSERT_TRUE(write_infer_reply(request, body).ok());
  EXPECT_NE(body.text().find(R"("datatype": "BYTES",
            "data": ["x", "\"y"])"),
            std::string::npos)
      << body.text();
  body.clear();
  request.call.requested.push_back({"s", {}, {}});
  request.formats.push_back(in_binary());
  ASSERT_TRUE(write_infer_reply(request, body).ok());
  EXPECT_TRUE(whole(body).ends_with(std::string(packed.begin(), packed.end())));
}

TEST(InferReply, NamesSharedMemoryInsteadOfData) {
  InferRequest request;
  request.call.servable = test::make_dummy();
  add_output(request, "a", DataType::kFp32, {1, 10}, kTen);
  request.call.outputs[0].in_destination = true;
  request.call.requested.push_back({"a", {}, {}});
  request.formats.push_back({false, false, "out", 64});
  transport::ReplyBody body;
  const auto length = write_infer_reply(request, body);
  EXPECT_EQ(*length, 0u);
  EXPECT_TRUE(body.pieces().empty());
  EXPECT_NE(body.text().find(R"("parameters": {
                "shared_memory_region": "out",
                "shared_memory_offset": 64,
                "shared_memory_byte_size": 40
            })"),
            std::string::npos)
      << body.text();
}

TEST(InferReply, AnswersTheSequence) {
  InferRequest request;
  request.call.servable = test::make_dummy();
  add_output(request, "a", DataType::kFp32, {1}, std::vector<float>{1});
  add_output(request, "z", DataType::kFp32, {1}, std::vector<float>{1});
  request.call.sequence_id = 9;
  transport::ReplyBody body;
  ASSERT_TRUE(write_infer_reply(request, body).ok());
  EXPECT_LT(body.text().find(R"("a")"), body.text().find("sequence_id"));
  EXPECT_LT(body.text().find("sequence_id"), body.text().find(R"("z")")) << "in name order, as all outputs";
  EXPECT_NE(body.text().find(R"("name": "sequence_id",
            "shape": [1],
            "datatype": "UINT64",
            "data": [9])"),
            std::string::npos);
}

TEST(InferReply, SaysWhenJsonCannotExpressAValue) {
  InferRequest request;
  request.call.servable = test::make_dummy();
  add_output(request, "a", DataType::kFp32, {1}, std::vector<float>{std::numeric_limits<float>::infinity()});
  transport::ReplyBody body;
  EXPECT_EQ(write_infer_reply(request, body).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace ocelli::kserve
