// ModelInfer against libprotobuf's messages.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "inference/grpc_service.pb.h"
#include "observability/servable_metrics.hpp"
#include "router_fixture.hpp"

namespace ocelli::rpc {
namespace {

constexpr const char* kPath = "/inference.GRPCInferenceService/ModelInfer";

inference::ModelInferRequest dummy_request() {
  inference::ModelInferRequest request;
  request.set_model_name("dummy");
  auto& input = *request.add_inputs();
  input.set_name("b");
  input.set_datatype("FP32");
  input.add_shape(1);
  input.add_shape(10);
  return request;
}

inference::ModelInferRequest raw_request() {
  auto request = dummy_request();
  request.add_raw_input_contents(bytes_of(kRamp));
  return request;
}

class InferTest : public RouterFixture {
 protected:
  Status infer(const inference::ModelInferRequest& request) { return call(kPath, request, reply); }
  void expect_error(const inference::ModelInferRequest& request, StatusCode code, std::string_view text) {
    const auto status = infer(request);
    EXPECT_EQ(status.code(), code);
    EXPECT_EQ(status.message(), text);
  }
  inference::ModelInferResponse reply;
};

TEST_F(InferTest, TheRoutersEndWaitsForAJobThatStillRuns) {
  dummy->hold_calls = true;
  auto own = std::make_unique<RpcRouter>(RpcRouterOptions{catalog, &regions, "OpenVINO Model Server", "1.2.3"});
  test::FakeRpcExchange exchange(kPath, raw_request().SerializeAsString());
  own->handle(exchange);
  std::atomic<bool> released{false};
  bool was_released = false;
  std::thread end([&] {
    own.reset();
    was_released = released;
  });
  released = true;
  EXPECT_TRUE(dummy->release_one());
  end.join();
  EXPECT_TRUE(was_released);
  EXPECT_EQ(exchange.finishes(), 1);
  EXPECT_TRUE(exchange.status().ok());
}

TEST_F(InferTest, AConnectionsThreadDoesNotReadLongMessages) {
  add_echo("echo", DataType::kInt64);
  const auto infer_here = [this](int values) {
    inference::ModelInferRequest request;
    request.set_model_name("echo");
    auto& input = *request.add_inputs();
    input.set_name("x");
    input.set_datatype("INT64");
    input.add_shape(values);
    for (int i = 0; i < values; ++i) input.mutable_contents()->add_int64_contents(i % 128);
    test::FakeRpcExchange exchange(kPath, request.SerializeAsString());
    router.handle(exchange);
    EXPECT_TRUE(exchange.wait_finished());
    EXPECT_TRUE(exchange.status().ok()) << exchange.status().to_string();
    EXPECT_TRUE(reply.ParseFromString(exchange.written().at(0)));
    EXPECT_EQ(reply.raw_output_contents(0).size(), static_cast<std::size_t>(values) * sizeof(std::int64_t));
    return exchange.finisher() == std::this_thread::get_id();
  };
  EXPECT_TRUE(infer_here(1'000));
  EXPECT_FALSE(infer_here(5'000'000));
}

TEST_F(InferTest, AClientThatLeavesWhileItsLongMessageWaitsIsAnsweredOnce) {
  auto request = dummy_request();
  request.add_raw_input_contents(std::string(5'000'000, '\0'));
  const auto wire = request.SerializeAsString();
  for (int i = 0; i < 50; ++i) {
    test::FakeRpcExchange exchange(kPath, wire);
    router.handle(exchange);
    exchange.cancel();
    ASSERT_TRUE(exchange.wait_finished());
    EXPECT_EQ(exchange.finishes(), 1);
    EXPECT_FALSE(exchange.status().ok());
  }
}

TEST_F(InferTest, AnswersRawWithRaw) {
  auto request = raw_request();
  request.set_id("seven");
  ASSERT_TRUE(infer(request).ok());
  EXPECT_EQ(reply.model_name(), "dummy");
  EXPECT_EQ(reply.model_version(), "1");
  EXPECT_EQ(reply.id(), "seven");
  ASSERT_EQ(reply.outputs_size(), 1);
  EXPECT_EQ(reply.outputs(0).name(), "a");
  EXPECT_EQ(reply.outputs(0).datatype(), "FP32");
  EXPECT_EQ(std::vector<std::int64_t>(reply.outputs(0).shape().begin(), reply.outputs(0).shape().end()),
            (std::vector<std::int64_t>{1, 10}));
  EXPECT_FALSE(reply.outputs(0).has_contents());
  ASSERT_EQ(reply.raw_output_contents_size(), 1);
  EXPECT_EQ(floats_of(reply.raw_output_contents(0)), kRampPlusOne);
}

TEST_F(InferTest, AnswersTypedContents) {
  auto request = dummy_request();
  for (const auto value : kRamp) request.mutable_inputs(0)->mutable_contents()->add_fp32_contents(value);
  ASSERT_TRUE(infer(request).ok());
  EXPECT_EQ(floats_of(reply.raw_output_contents(0)), kRampPlusOne);
}

TEST_F(InferTest, CountsRequests) {
  ASSERT_TRUE(infer(raw_request()).ok());
  auto wrong = dummy_request();
  (*wrong.mutable_inputs(0)->mutable_parameters())["shared_memory_region"].set_string_param("nowhere");
  EXPECT_FALSE(infer(wrong).ok());
  const auto& metrics = dummy->metrics();
  const auto method = static_cast<std::size_t>(observability::Method::kModelInfer);
  EXPECT_EQ(metrics.success[method][0].load(), 1u);
  EXPECT_EQ(metrics.fail[method][0].load(), 1u);
  EXPECT_EQ(metrics.stat_fail.count.load(), 1u) << "the servable never saw it";
  wrong = raw_request();
  wrong.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
  EXPECT_FALSE(infer(wrong).ok()) << "refused before the servable is looked for";
  EXPECT_EQ(metrics.fail[method][0].load(), 2u);
  wrong.set_model_version("9");
  EXPECT_FALSE(infer(wrong).ok());
  wrong.set_model_version("x");
  EXPECT_FALSE(infer(wrong).ok());
  EXPECT_EQ(metrics.fail[method][0].load(), 2u) << "a version that is not there counts nowhere";
  EXPECT_EQ(metrics.stat_fail.count.load(), 2u);
}

TEST_F(InferTest, SaysWhatIsWrong) {
  auto request = raw_request();
  request.set_model_name("nope");
  expect_error(request, StatusCode::kNotFound, "Pipeline with requested name is not found");
  request = raw_request();
  request.set_model_version("one");
  expect_error(request, StatusCode::kInvalidArgument, "invalid model version format in request");
  request = raw_request();
  request.set_model_version("9");
  expect_error(request, StatusCode::kNotFound, "Model with requested version is not found");
  request = raw_request();
  request.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
  expect_error(request, StatusCode::kInvalidArgument,
               "Passing buffers both in ModelInferRequest::InferInputTensor::contents and in "
               "ModelInferRequest::raw_input_contents is not allowed");
  request = raw_request();
  request.add_raw_input_contents("abcd");
  expect_error(request, StatusCode::kInvalidArgument, "Invalid number of raw_input_contents - Expected: 1; Actual: 2");
  request = raw_request();
  request.mutable_inputs(0)->set_datatype("FP33");
  expect_error(request, StatusCode::kInvalidArgument,
               "Invalid input precision - Expected: FP32; Actual: FP33; input name: b");
  request.mutable_inputs(0)->clear_datatype();
  expect_error(request, StatusCode::kInvalidArgument,
               "Invalid input precision - Expected: FP32; Actual: none; input name: b");
  request = raw_request();
  request.mutable_inputs(0)->set_shape(0, -1);
  expect_error(request, StatusCode::kInvalidArgument,
               "Invalid input batch size - Expected: 1; Actual: -1; input name: b");
  request = dummy_request();
  for (int i = 0; i < 9; ++i) request.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
  expect_error(
      request, StatusCode::kInvalidArgument,
      "Invalid number of values in tensor proto container - Expected: 10 values; Actual: 9 values; input name: b");
  // The elements are in another field than the data type says.
  request = dummy_request();
  for (int i = 0; i < 10; ++i) request.mutable_inputs(0)->mutable_contents()->add_int_contents(1);
  expect_error(request, StatusCode::kInvalidArgument,
               "Invalid number of values in tensor proto container - Expected: fp32_contents only; Actual: "
               "int_contents; input name: b");
  for (int i = 0; i < 10; ++i) request.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
  expect_error(request, StatusCode::kInvalidArgument,
               "Invalid number of values in tensor proto container - Expected: fp32_contents only; Actual: "
               "int_contents and fp32_contents; input name: b");
  request = raw_request();
  (*request.mutable_parameters())["timeout"].set_string_param("soon");
  expect_error(request, StatusCode::kInvalidArgument,
               "Invalid parameter - Expected: an integer of at least 0; Actual: a string; parameter name: timeout");
  EXPECT_EQ(dummy->calls(), 1) << "the negative extent: the servable's to refuse";
}

// The count of values is compared with the request's own shape, so that is the last thing to complain about.
TEST_F(InferTest, AWrongCountOfValuesIsToldAfterWhatElseIsWrong) {
  const auto refusal = [&](const std::string& name, const std::string& type, const std::vector<std::int64_t>& shape) {
    auto request = dummy_request();
    auto& input = *request.mutable_inputs(0);
    input.set_name(name);
    input.set_datatype(type);
    input.mutable_shape()->Assign(shape.begin(), shape.end());
    for (int i = 0; i < 11; ++i) input.mutable_contents()->add_fp32_contents(1);
    return std::string(infer(request).message());
  };
  EXPECT_EQ(refusal("q", "FP32", {1, 10}), "Missing input with specific name - Required input: b");
  EXPECT_EQ(refusal("b", "INT32", {1, 10}), "Invalid input precision - Expected: FP32; Actual: INT32; input name: b");
  EXPECT_EQ(refusal("b", "FP16", {1, 10}), "Invalid input precision - Expected: FP32; Actual: FP16; input name: b");
  EXPECT_EQ(refusal("b", "FP32", {10}),
            "Invalid number of shape dimensions - Expected: (1,10); Actual: (10); input name: b");
  EXPECT_EQ(refusal("b", "FP32", {2, 10}), "Invalid input batch size - Expected: 1; Actual: 2; input name: b");
  EXPECT_EQ(refusal("b", "FP32", {1, 9}), "Invalid input shape - Expected: (1,10); Actual: (1,9); input name: b");
  EXPECT_EQ(refusal("b", "FP32", {1, 10}),
            "Invalid number of values in tensor proto container - Expected: 10 values; Actual: 11 values; input name: "
            "b");
  auto two = raw_request();
  *two.add_inputs() = two.inputs(0);
  two.mutable_inputs(0)->set_datatype("FOO");
  two.add_raw_input_contents("abcd");
  EXPECT_EQ(infer(two).message(), "Invalid number of inputs - Expected: 1; Actual: 2");
}

TEST_F(InferTest, FP16TravelsOnlyRaw) {
  add_echo("half", DataType::kFp16);
  auto request = raw_request();
  request.set_model_name("half");
  request.clear_raw_input_contents();
  auto& input = *request.mutable_inputs(0);
  input.set_name("x");
  input.set_datatype("FP16");
  input.clear_shape();
  input.add_shape(1);
  input.mutable_contents()->add_fp32_contents(1);
  expect_error(request, StatusCode::kInvalidArgument, "FP16 tensors travel only in raw_input_contents; input name: x");
}

TEST_F(InferTest, RefusesBytesThatAreNoMessage) {
  inference::ModelInferResponse ignored;
  const auto status = call(kPath, std::string("\xFF\xFF"), ignored);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
}

TEST_F(InferTest, PassesSettingsAndRequestedOutputsOn) {
  dummy->hold_calls = true;
  auto request = raw_request();
  request.add_outputs()->set_name("a");
  (*request.mutable_parameters())["timeout"].set_int64_param(60'000'000);
  (*request.mutable_parameters())["priority"].set_uint64_param(1);
  (*request.mutable_parameters())["something"].set_double_param(0.5);
  serving::InferenceCall* seen = nullptr;
  auto servable = std::make_shared<test::FakeServable>(dummy->metadata(), [&](serving::InferenceCall& call) {
    seen = &call;
    EXPECT_EQ(call.requested.size(), 1u);
    EXPECT_EQ(call.requested[0].name, "a");
    EXPECT_GT(call.priority, 0);
    const auto left = call.deadline - Clock::now();
    EXPECT_GT(left, std::chrono::seconds(30));
    EXPECT_LE(left, std::chrono::seconds(60));
    EXPECT_FALSE(call.sequence);
  });
  catalog.add(servable);
  ASSERT_TRUE(infer(request).ok());
  EXPECT_NE(seen, nullptr);
}

TEST_F(InferTest, StatefulModelsGetTheirSequence) {
  auto metadata = dummy->metadata();
  metadata.stateful = true;
  std::vector<serving::SequenceControl> seen;
  catalog.add(std::make_shared<test::FakeServable>(metadata, [&](serving::InferenceCall& call) {
    seen.push_back(call.sequence.value_or(serving::SequenceControl{}));
    call.sequence_id = 42;
  }));
  auto request = raw_request();
  (*request.mutable_parameters())["sequence_id"].set_int64_param(42);
  (*request.mutable_parameters())["sequence_start"].set_bool_param(true);
  (*request.mutable_parameters())["sequence_end"].set_bool_param(false);
  ASSERT_TRUE(infer(request).ok());
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].id, 42u);
  EXPECT_EQ(seen[0].control, 1u);
  ASSERT_EQ(reply.outputs_size(), 1);
  EXPECT_EQ(reply.outputs(0).name(), "sequence_id");
  EXPECT_EQ(reply.outputs(0).datatype(), "UINT64");
  EXPECT_EQ(reply.raw_output_contents(0), std::string("\x2a\0\0\0\0\0\0\0", 8));

  (*request.mutable_parameters())["sequence_id"].set_string_param("a name");
  ASSERT_TRUE(infer(request).ok());
  EXPECT_NE(seen[1].id, 0u);
  EXPECT_NE(seen[1].id, seen[0].id);
}

TEST_F(InferTest, LargeOutputsAreReferencedNotCopied) {
  const auto echo = add_echo("echo", DataType::kUint8);
  inference::ModelInferRequest request;
  request.set_model_name("echo");
  auto& input = *request.add_inputs();
  input.set_name("x");
  input.set_datatype("UINT8");
  input.add_shape(100'000);
  request.add_raw_input_contents(std::string(100'000, 'q'));
  test::FakeRpcExchange exchange(kPath, request.SerializeAsString());
  router.handle(exchange);
  ASSERT_TRUE(exchange.wait_finished());
  // The echo's output is the message itself: not a byte of it was moved.
  ASSERT_EQ(exchange.raw_reply().pieces().size(), 1u);
  const auto piece = exchange.raw_reply().pieces()[0].bytes;
  EXPECT_EQ(piece.size(), 100'000u);
  EXPECT_GE(piece.data(), exchange.message().bytes.data());
  EXPECT_LT(piece.data(), exchange.message().bytes.data() + exchange.message().bytes.size());
}

TEST_F(InferTest, SeveralLargeOutputsKeepTheirOrder) {
  serving::ServableMetadata metadata;
  metadata.name = "three";
  for (const auto* name : {"a", "b", "c"})
    metadata.outputs.push_back({name, DataType::kUint8, PartialShape::from({5000}), ""});
  catalog.add(std::make_shared<test::FakeServable>(metadata, [](serving::InferenceCall& call) {
    for (const auto& spec : call.servable->metadata().outputs) {
      const std::string bytes(spec.name == "b" ? 10 : 5000, spec.name[0]);
      call.outputs.push_back(
          {spec.name,
           test::make_tensor(DataType::kUint8, {static_cast<std::int64_t>(bytes.size())}, bytes.data(), bytes.size()),
           false});
    }
  }));
  inference::ModelInferRequest request;
  request.set_model_name("three");
  ASSERT_TRUE(infer(request).ok());
  ASSERT_EQ(reply.raw_output_contents_size(), 3);
  EXPECT_EQ(reply.raw_output_contents(0), std::string(5000, 'a'));
  EXPECT_EQ(reply.raw_output_contents(1), std::string(10, 'b'));
  EXPECT_EQ(reply.raw_output_contents(2), std::string(5000, 'c'));
}

TEST_F(InferTest, WaitsForAModelThatIsLoading) {
  catalog.add_status("late", {1, serving::VersionState::kLoading, StatusCode::kOk, ""});
  auto request = raw_request();
  request.set_model_name("late");
  request.set_model_version("1");
  test::FakeRpcExchange exchange(kPath, request.SerializeAsString());
  router.handle(exchange);
  EXPECT_EQ(exchange.finishes(), 0);
  catalog.add(test::make_dummy("late"));
  catalog.finish_loading();
  ASSERT_TRUE(exchange.wait_finished());
  EXPECT_TRUE(exchange.status().ok());
}

TEST_F(InferTest, CancelsAHeldCall) {
  dummy->hold_calls = true;
  test::FakeRpcExchange exchange(kPath, raw_request().SerializeAsString());
  router.handle(exchange);
  EXPECT_EQ(exchange.finishes(), 0);
  exchange.cancel();
  ASSERT_TRUE(exchange.wait_finished());
  EXPECT_EQ(exchange.status().code(), StatusCode::kCancelled);
  EXPECT_EQ(dummy->cancels(), 1);
  exchange.cancel();
  EXPECT_EQ(exchange.finishes(), 1);
}

TEST_F(InferTest, PassedDeadlineIsNotCalledCancelled) {
  dummy->hold_calls = true;
  test::FakeRpcExchange exchange(kPath, raw_request().SerializeAsString());
  exchange.call_deadline = Clock::now() - std::chrono::milliseconds(1);
  router.handle(exchange);
  exchange.cancel();
  ASSERT_TRUE(exchange.wait_finished());
  EXPECT_EQ(exchange.status().code(), StatusCode::kDeadlineExceeded);
}

TEST_F(InferTest, CancelRacesCompletion) {
  dummy->hold_calls = true;
  std::atomic<bool> stop{false};
  std::thread device([&] {
    while (!stop) dummy->release_one();
  });
  for (int i = 0; i < 2000; ++i) {
    test::FakeRpcExchange exchange(kPath, raw_request().SerializeAsString());
    router.handle(exchange);
    exchange.cancel();
    ASSERT_TRUE(exchange.wait_finished());
    ASSERT_EQ(exchange.finishes(), 1);
    const auto code = exchange.status().code();
    ASSERT_TRUE(code == StatusCode::kOk || code == StatusCode::kCancelled) << exchange.status().to_string();
  }
  stop = true;
  device.join();
}

TEST_F(InferTest, SharedMemoryOffItsBoundaryIsCopied) {
  const std::string key = "/ocelli_rpc_test_" + std::to_string(::getpid());
  const int descriptor = ::shm_open(key.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600);
  ASSERT_GE(descriptor, 0);
  ASSERT_EQ(::ftruncate(descriptor, 64), 0);
  ASSERT_TRUE(regions.register_region("r", key, 0, 64).ok());
  ::close(descriptor);
  ::shm_unlink(key.c_str());
  const auto view = regions.view("r", 0, 64);
  ASSERT_TRUE(view.ok());
  std::memcpy(view->data + 3, kRamp.data(), 40);
  bool aligned = false;
  auto metadata = dummy->metadata();
  metadata.name = "looks";
  catalog.add(std::make_shared<test::FakeServable>(metadata, [&](serving::InferenceCall& call) {
    aligned = reinterpret_cast<std::uintptr_t>(call.inputs.at(0).tensor.view.data) % alignof(float) == 0;
    call.outputs.push_back({"a", call.inputs.at(0).tensor, false});
  }));
  auto request = dummy_request();
  request.set_model_name("looks");
  auto& parameters = *request.mutable_inputs(0)->mutable_parameters();
  parameters["shared_memory_region"].set_string_param("r");
  parameters["shared_memory_byte_size"].set_int64_param(40);
  parameters["shared_memory_offset"].set_int64_param(3);
  ASSERT_TRUE(infer(request).ok());
  EXPECT_TRUE(aligned);
  EXPECT_EQ(floats_of(reply.raw_output_contents(0)), kRamp);
}

TEST_F(InferTest, SharedMemoryInAndOut) {
  auto request = dummy_request();
  (*request.mutable_inputs(0)->mutable_parameters())["shared_memory_region"].set_string_param("nope");
  (*request.mutable_inputs(0)->mutable_parameters())["shared_memory_byte_size"].set_int64_param(40);
  EXPECT_EQ(infer(request).code(), StatusCode::kNotFound);
  request = raw_request();
  (*request.add_outputs()->mutable_parameters())["shared_memory_byte_size"].set_int64_param(40);
  request.mutable_outputs(0)->set_name("a");
  expect_error(request, StatusCode::kInvalidArgument,
               "Shared memory parameters without shared_memory_region; tensor name: a");
}

TEST(InferBulkOffset, FindsTheFirstRawBlock) {
  auto request = raw_request();
  request.set_raw_input_contents(0, std::string(1000, 'r'));
  const auto message = request.SerializeAsString();
  const auto expected = message.size() - 1000;
  const auto bytes = std::as_bytes(std::span(message));
  EXPECT_EQ(kserve_grpc::infer_bulk_offset(bytes), expected);
  EXPECT_EQ(kserve_grpc::infer_bulk_offset(bytes.first(expected)), expected);
  EXPECT_EQ(kserve_grpc::infer_bulk_offset(bytes.first(expected - 1)), 0u);
  EXPECT_EQ(kserve_grpc::infer_bulk_offset({}), 0u);
}

TEST(InferBulkOffset, FindsTypedContentsInALargeInput) {
  auto request = dummy_request();
  for (int i = 0; i < 1000; ++i) request.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
  const auto message = request.SerializeAsString();
  const auto bytes = std::as_bytes(std::span(message));
  EXPECT_EQ(kserve_grpc::infer_bulk_offset(bytes.first(100)), message.size() - 4000);
}

}  // namespace
}  // namespace ocelli::rpc
