// What a request becomes counts as memory of the server, too: a number of one byte may become eight.
#include "grpc/reflection/v1/reflection.pb.h"
#include "inference/grpc_service.pb.h"
#include "protocols/kserve_grpc/infer_request.hpp"
#include "protocols/kserve_grpc/infer_stream.hpp"
#include "router_fixture.hpp"
#include "tensorflow_serving/apis/get_model_metadata.pb.h"
#include "tensorflow_serving/apis/predict.pb.h"

namespace ocelli::rpc {
namespace {

using test::FakeRpcExchange;
using testing::HasSubstr;

constexpr const char* kInfer = "/inference.GRPCInferenceService/ModelInfer";
constexpr const char* kStream = "/inference.GRPCInferenceService/ModelStreamInfer";
constexpr const char* kPredict = "/tensorflow.serving.PredictionService/Predict";
constexpr const char* kMetadata = "/tensorflow.serving.PredictionService/GetModelMetadata";
constexpr const char* kReflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
constexpr std::size_t kLimit = 500'000;

// One byte each.
std::string infer_of_ones(int count) {
  inference::ModelInferRequest request;
  request.set_model_name("echo");
  auto& input = *request.add_inputs();
  input.set_name("x");
  input.set_datatype("INT64");
  input.add_shape(count);
  for (int i = 0; i < count; ++i) input.mutable_contents()->add_int64_contents(1);
  return request.SerializeAsString();
}

// values: how many of the shape's elements are given.
std::string predict_of_ones(int count, int values) {
  tensorflow::serving::PredictRequest request;
  request.mutable_model_spec()->set_name("echo");
  auto& tensor = (*request.mutable_inputs())["x"];
  tensor.set_dtype(tensorflow::DT_INT64);
  tensor.mutable_tensor_shape()->add_dim()->set_size(count);
  for (int i = 0; i < values; ++i) tensor.add_int64_val(1);
  return request.SerializeAsString();
}

class MemoryTest : public RouterFixture {
 protected:
  void begin(FakeRpcExchange& exchange) {
    exchange.memory = memory;
    router.handle(exchange);
  }
  Status answer(const char* path, const std::string& request) {
    FakeRpcExchange exchange(path, request);
    begin(exchange);
    EXPECT_TRUE(exchange.wait_finished());
    return exchange.status();
  }
  void expect_bound(const char* path, const std::string& small, const std::string& large) {
    const auto refused = answer(path, large);
    EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
    EXPECT_THAT(refused.message(), HasSubstr("Limit: 500000 bytes; In use: 0 bytes; Needed: 800000 bytes more."));
    EXPECT_EQ(memory->taken(), 0U);
    EXPECT_TRUE(answer(path, small).ok());
    EXPECT_EQ(memory->taken(), 0U);
  }

  std::shared_ptr<test::FakeServable> echo = add_echo("echo", DataType::kInt64);
  std::shared_ptr<ByteBudget> memory = std::make_shared<ByteBudget>(kLimit, "--grpc_memory_quota");
};

TEST_F(MemoryTest, TypedContentsAreBoundByWhatTheyBecome) {
  expect_bound(kInfer, infer_of_ones(50'000), infer_of_ones(100'000));
}

TEST_F(MemoryTest, TypedValuesAreBoundByWhatTheyBecome) {
  expect_bound(kPredict, predict_of_ones(50'000, 50'000), predict_of_ones(100'000, 100'000));
}

TEST_F(MemoryTest, OneValueThatFillsATensorIsBoundByTheTensor) {
  expect_bound(kPredict, predict_of_ones(50'000, 1), predict_of_ones(100'000, 1));
}

// A byte each; their order takes four, and what is told of each some twelve.
TEST_F(MemoryTest, WhatClassificationMakesIsBound) {
  constexpr int kValues = 100'000;
  add_echo("bytes", DataType::kInt8);
  inference::ModelInferRequest request;
  request.set_model_name("bytes");
  auto& input = *request.add_inputs();
  input.set_name("x");
  input.set_datatype("INT8");
  input.add_shape(kValues);
  request.add_raw_input_contents(std::string(kValues, '\1'));
  auto& output = *request.add_outputs();
  output.set_name("y");
  auto& classes = (*output.mutable_parameters())["classification"];
  classes.set_int64_param(kValues);
  const auto all = request.SerializeAsString();
  classes.set_int64_param(3);
  const auto refused = answer(kInfer, all);
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(refused.message(), HasSubstr("Limit: 500000 bytes; In use: "));
  EXPECT_EQ(memory->taken(), 0U);
  EXPECT_TRUE(answer(kInfer, request.SerializeAsString()).ok());
  EXPECT_EQ(memory->taken(), 0U);
}

TEST_F(MemoryTest, ItIsHeldUntilTheAnswer) {
  echo->hold_calls = true;
  FakeRpcExchange first(kInfer, infer_of_ones(50'000));
  begin(first);
  EXPECT_GE(memory->taken(), 400'000U);
  EXPECT_THAT(answer(kInfer, infer_of_ones(20'000)).message(), HasSubstr("In use: 400"));
  ASSERT_TRUE(echo->release_one());
  ASSERT_TRUE(first.wait_finished());
  EXPECT_TRUE(first.status().ok());
  EXPECT_EQ(memory->taken(), 0U);
}

TEST_F(MemoryTest, BytesUsedWhereTheyCameAreNotCountedTwice) {
  inference::ModelInferRequest request;
  request.set_model_name("echo");
  auto& input = *request.add_inputs();
  input.set_name("x");
  input.set_datatype("INT64");
  input.add_shape(100'000);
  std::size_t accepted = 0;
  // The bytes lie on an element's boundary for one of these lengths of the id, at the latest.
  for (int i = 1; i <= 8; ++i) {
    request.set_id(std::string(static_cast<std::size_t>(i), 'i'));
    request.clear_raw_input_contents();
    request.add_raw_input_contents(std::string(800'000, '\0'));
    accepted += answer(kInfer, request.SerializeAsString()).ok() ? 1 : 0;
  }
  EXPECT_EQ(accepted, 1U) << "the others were copied";
}

// Two bytes each.
std::string infer_of_empty_inputs(int count) {
  inference::ModelInferRequest request;
  request.set_model_name("late");
  for (int i = 0; i < count; ++i) request.add_inputs();
  return request.SerializeAsString();
}

TEST_F(MemoryTest, WhatManySmallInputsTakeCountsWhileTheModelIsWaitedFor) {
  catalog.add_status("late", {1, serving::VersionState::kLoading, StatusCode::kOk, ""});
  EXPECT_THAT(answer(kInfer, infer_of_empty_inputs(4096)).message(), HasSubstr("Limit: 500000 bytes"));
  FakeRpcExchange waiting(kInfer, infer_of_empty_inputs(1000));
  begin(waiting);
  EXPECT_GT(memory->taken(), 100'000U);
  catalog.finish_loading();
  ASSERT_TRUE(waiting.wait_finished());
  EXPECT_EQ(memory->taken(), 0U);
}

TEST(MessageMemory, AnIdleRequestKeepsWhatAUsualOneNeeds) {
  const auto message = infer_of_empty_inputs(4096);
  kserve_grpc::InferRequest request;
  ASSERT_TRUE(request.parse(std::as_bytes(std::span(message))).ok());
  EXPECT_GT(request.memory_bytes(), 4096 * sizeof(kserve_grpc::InferInput) - 1);
  request.clear();
  EXPECT_LE(request.memory_bytes(), 64 * sizeof(kserve_grpc::InferInput));
}

TEST_F(MemoryTest, ARequestOfAStreamIsRefusedAndTheStreamGoesOn) {
  FakeRpcExchange exchange(kStream);
  begin(exchange);
  exchange.send(infer_of_ones(100'000));
  exchange.send(infer_of_ones(50'000));
  ASSERT_TRUE(exchange.wait_written(2));
  inference::ModelStreamInferResponse response;
  ASSERT_TRUE(response.ParseFromString(exchange.written()[0]));
  EXPECT_THAT(response.error_message(), HasSubstr("Too many request bodies are in memory. Limit: 500000 bytes"));
  ASSERT_TRUE(response.ParseFromString(exchange.written()[1]));
  EXPECT_EQ(response.error_message(), "");
  EXPECT_EQ(memory->taken(), 0U);
  exchange.end_messages();
  EXPECT_TRUE(exchange.wait_finished());
}

// Two bytes each, of which protobuf makes a string.
std::string metadata_of_empty_fields(int count) {
  tensorflow::serving::GetModelMetadataRequest request;
  request.mutable_model_spec()->set_name("echo");
  for (int i = 0; i < count; ++i) request.add_metadata_field("");
  return request.SerializeAsString();
}

TEST_F(MemoryTest, MessagesOfTheControlPlaneAreBoundByWhatTheyMayBecome) {
  const auto refused = answer(kMetadata, metadata_of_empty_fields(5'000));
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(refused.message(), HasSubstr("Limit: 500000 bytes; In use: 0 bytes; Needed: 10008"));
  EXPECT_EQ(answer(kMetadata, metadata_of_empty_fields(2'000)).message(), "Invalid signature name");
  EXPECT_EQ(memory->taken(), 0U);
}

TEST_F(MemoryTest, RequestsOfAStreamThatWaitTakeMemoryHoweverShortTheyAre) {
  catalog.add_status("late", {1, serving::VersionState::kLoading, StatusCode::kOk, ""});
  inference::ModelInferRequest request;
  request.set_model_name("late");
  const auto message = request.SerializeAsString();
  FakeRpcExchange exchange(kStream);
  begin(exchange);
  for (int i = 0; i < 100; ++i) exchange.send(message);
  EXPECT_EQ(memory->taken(), 100 * kserve_grpc::InferStream::kWaitingBytes);
  for (int i = 0; i < 100; ++i) exchange.send(message);
  catalog.finish_loading();
  ASSERT_TRUE(exchange.wait_finished());
  EXPECT_EQ(exchange.status().code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(exchange.status().message(), HasSubstr("Limit: 500000 bytes"));
  EXPECT_EQ(memory->taken(), 0U);
}

// Four bytes each, of which a runtime makes a string.
TEST_F(MemoryTest, TextsAreBoundByWhatTheyBecome) {
  add_echo("texts", DataType::kString);
  const auto request = [](int count) {
    inference::ModelInferRequest texts;
    texts.set_model_name("texts");
    auto& input = *texts.add_inputs();
    input.set_name("x");
    input.set_datatype("BYTES");
    input.add_shape(count);
    texts.add_raw_input_contents(std::string(static_cast<std::size_t>(count) * 4, '\0'));
    return texts.SerializeAsString();
  };
  EXPECT_EQ(answer(kInfer, request(20'000)).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(memory->taken(), 0U);
  EXPECT_TRUE(answer(kInfer, request(5'000)).ok());
}

TEST_F(MemoryTest, WhatReflectionIsAskedIsBoundToo) {
  grpc::reflection::v1::ServerReflectionRequest request;
  request.set_list_services("");
  FakeRpcExchange exchange(kReflection);
  begin(exchange);
  exchange.send(request.SerializeAsString());
  ASSERT_TRUE(exchange.wait_written(1));
  request.set_host(std::string(10'000, 'h'));
  exchange.send(request.SerializeAsString());
  ASSERT_TRUE(exchange.wait_finished());
  EXPECT_EQ(exchange.status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(memory->taken(), 0U);
}

}  // namespace
}  // namespace ocelli::rpc
