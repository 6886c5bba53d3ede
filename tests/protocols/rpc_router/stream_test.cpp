// ModelStreamInfer.
#include <algorithm>
#include <atomic>
#include <latch>
#include <list>
#include <mutex>
#include <thread>

#include "base/thread_pool.hpp"
#include "inference/grpc_service.pb.h"
#include "router_fixture.hpp"
#include "support/eventually.hpp"

namespace ocelli::rpc {
namespace {

constexpr const char* kPath = "/inference.GRPCInferenceService/ModelStreamInfer";

std::string request_with(const std::string& id, float first, const std::string& model = "dummy") {
  inference::ModelInferRequest request;
  request.set_model_name(model);
  request.set_id(id);
  auto& input = *request.add_inputs();
  input.set_name("b");
  input.set_datatype("FP32");
  input.add_shape(1);
  input.add_shape(10);
  request.add_raw_input_contents(bytes_of(std::vector<float>(10, first)));
  return request.SerializeAsString();
}

inference::ModelStreamInferResponse parsed(const std::string& message) {
  inference::ModelStreamInferResponse response;
  EXPECT_TRUE(response.ParseFromString(message));
  return response;
}

class StreamTest : public RouterFixture {
 protected:
  StreamTest() { router.handle(exchange); }
  // A model as dummy, of another name.
  void add_model(const std::string& name, test::FakeServable::Model model) {
    serving::ServableMetadata metadata = dummy->metadata();
    metadata.name = name;
    catalog.add(std::make_shared<test::FakeServable>(std::move(metadata), std::move(model)));
  }
  test::FakeRpcExchange exchange{kPath};
};

const std::string& long_id() {
  static const std::string id(std::size_t{5} << 20, 'x');
  return id;
}

float first_value(const serving::InferenceCall& call) {
  float value = 0;
  std::memcpy(&value, call.inputs.at(0).tensor.view.data, sizeof value);
  return value;
}

TEST_F(StreamTest, AnswersInOrderAndEndsWithTheClient) {
  ASSERT_TRUE(router.streaming(kPath));
  for (int i = 0; i < 5; ++i) exchange.send(request_with(std::to_string(i), static_cast<float>(i)));
  exchange.end_messages();
  ASSERT_TRUE(exchange.wait_finished());
  EXPECT_TRUE(exchange.status().ok());
  const auto written = exchange.written();
  ASSERT_EQ(written.size(), 5u);
  for (int i = 0; i < 5; ++i) {
    const auto response = parsed(written[static_cast<std::size_t>(i)]);
    EXPECT_EQ(response.error_message(), "");
    EXPECT_EQ(response.infer_response().id(), std::to_string(i));
    EXPECT_EQ(floats_of(response.infer_response().raw_output_contents(0))[0], static_cast<float>(i) + 1);
  }
}

TEST_F(StreamTest, ErrorsKeepTheStreamOpenAndTheirTurn) {
  dummy->hold_calls = true;
  exchange.send(request_with("first", 1));
  exchange.send(request_with("second", 2, "nope"));
  EXPECT_EQ(exchange.written().size(), 0u);
  ASSERT_TRUE(dummy->release_one());
  ASSERT_TRUE(exchange.wait_written(2));
  EXPECT_EQ(parsed(exchange.written()[0]).infer_response().id(), "first");
  const auto failed = parsed(exchange.written()[1]);
  EXPECT_EQ(failed.error_message(), "Pipeline with requested name is not found");
  EXPECT_EQ(failed.infer_response().id(), "second");
  EXPECT_EQ(exchange.finishes(), 0);
  exchange.end_messages();
  ASSERT_TRUE(exchange.wait_finished());
  EXPECT_TRUE(exchange.status().ok());
}

TEST_F(StreamTest, LongRequestsAreReadElsewhereAndNoneOvertakesThem) {
  struct Seen {
    float value;
    std::thread::id thread;
  };
  std::mutex mutex;
  std::vector<Seen> seen;
  add_model("seeing", [&](serving::InferenceCall& call) {
    const std::lock_guard lock(mutex);
    seen.push_back({first_value(call), std::this_thread::get_id()});
  });
  const auto is_long = [](int i) { return i % 4 == 0; };
  for (int i = 0; i < 24; ++i)
    exchange.send(request_with(is_long(i) ? long_id() : "", static_cast<float>(i), "seeing"));
  exchange.end_messages();
  ASSERT_TRUE(exchange.wait_finished());
  EXPECT_TRUE(exchange.status().ok());
  const auto written = exchange.written();
  ASSERT_EQ(written.size(), 24U);
  ASSERT_EQ(seen.size(), 24U);
  for (int i = 0; i < 24; ++i) {
    const auto at = static_cast<std::size_t>(i);
    EXPECT_EQ(seen[at].value, static_cast<float>(i));
    EXPECT_TRUE(!is_long(i) || seen[at].thread != std::this_thread::get_id()) << i;
    EXPECT_EQ(parsed(written[at]).infer_response().id().size(), is_long(i) ? long_id().size() : 0U);
  }
}

// One reader is left for all, since the others are held: that of the stream's first request.
TEST_F(StreamTest, OthersHaveTheirTurnWhileAStreamGoesOn) {
  constexpr float kAtFirst = -1;
  constexpr float kInBetween = -2;
  constexpr const char* kUnary = "/inference.GRPCInferenceService/ModelInfer";
  std::atomic<std::size_t> held{0};
  std::latch others(1);
  std::latch first(1);
  add_model("holding", [&](serving::InferenceCall&) {
    ++held;
    others.wait();
  });
  test::FakeRpcExchange in_between(kUnary, request_with(long_id(), kInBetween, "seeing"));
  std::vector<float> seen;
  add_model("seeing", [&](serving::InferenceCall& call) {
    const float value = first_value(call);
    seen.push_back(value);
    if (value == 0) {
      ++held;
      first.wait();
    }
    if (value == 1) router.handle(in_between);
  });

  std::list<test::FakeRpcExchange> holding;
  for (std::size_t i = 1; i < handoff::Readers::count(); ++i)
    router.handle(holding.emplace_back(kUnary, request_with(long_id(), 0, "holding")));
  exchange.send(request_with(long_id(), 0, "seeing"));
  EXPECT_TRUE(test::eventually([&] { return held == handoff::Readers::count(); }, std::chrono::seconds(60)));
  for (int i = 1; i < 100; ++i) exchange.send(request_with("", static_cast<float>(i), "seeing"));
  exchange.end_messages();
  test::FakeRpcExchange at_first(kUnary, request_with(long_id(), kAtFirst, "seeing"));
  router.handle(at_first);
  first.count_down();
  EXPECT_TRUE(exchange.wait_finished() && at_first.wait_finished() && in_between.wait_finished());
  others.count_down();
  for (auto& each : holding) EXPECT_TRUE(each.wait_finished());

  ASSERT_EQ(seen.size(), 102U);
  EXPECT_EQ(std::ranges::find(seen, kAtFirst) - seen.begin(), 1);
  EXPECT_LT(std::ranges::find(seen, kInBetween) - seen.begin(), 30) << "only a few of the stream go first";
}

// A stream of its own, whose one reader has one place.
TEST_F(StreamTest, GoesOnWhereNoReaderHasAPlace) {
  exchange.end_messages();
  ThreadPool readers("readers", 1, 1);
  const InferenceServices services{catalog, nullptr, &readers};
  handoff::WaitingPool<kserve_grpc::StreamInference> jobs([&](auto&) {
    return std::make_unique<kserve_grpc::StreamInference>(services, std::make_unique<kserve_grpc::InferMessage>(true));
  });
  handoff::WaitingPool<kserve_grpc::InferStream> streams(
      [&](auto& home) { return std::make_unique<kserve_grpc::InferStream>(*jobs, home); });
  std::atomic<bool> held{false};
  std::latch first(1);
  add_model("holding", [&](serving::InferenceCall& call) {
    held = true;
    first.wait();
    call.outputs.push_back({"a", call.inputs[0].tensor, false});
  });

  test::FakeRpcExchange crowded(kPath);
  streams->acquire().handle(crowded);
  crowded.send(request_with(long_id(), 0, "holding"));
  EXPECT_TRUE(test::eventually([&] { return held.load(); }, std::chrono::seconds(60)));
  const auto is_long = [](std::size_t i) { return i % 10 == 9; };
  constexpr std::size_t kCount = 60;
  for (std::size_t i = 1; i < kCount; ++i)
    crowded.send(request_with(is_long(i) ? long_id() : std::to_string(i), static_cast<float>(i)));
  crowded.end_messages();
  EXPECT_TRUE(readers.submit([] {})) << "the one place";
  first.count_down();
  ASSERT_TRUE(crowded.wait_finished());
  EXPECT_TRUE(crowded.status().ok());
  const auto written = crowded.written();
  ASSERT_EQ(written.size(), kCount);
  std::size_t refused = 0;
  for (std::size_t i = 1; i < kCount; ++i) {
    const auto response = parsed(written[i]);
    EXPECT_EQ(response.infer_response().id(), is_long(i) ? long_id() : std::to_string(i));
    if (response.error_message().empty()) continue;
    EXPECT_TRUE(is_long(i)) << i;
    EXPECT_EQ(response.error_message(), "Too many long requests are waiting to be read");
    ++refused;
  }
  EXPECT_GT(refused, 0U);
}

TEST_F(StreamTest, ALongRequestOnItsWayIsEndedWithItsStream) {
  for (int i = 0; i < 8; ++i) exchange.send(request_with(i % 2 == 0 ? long_id() : "", 0));
  exchange.cancel();
  ASSERT_TRUE(exchange.wait_finished());
  EXPECT_EQ(exchange.status().code(), StatusCode::kCancelled);
  EXPECT_EQ(exchange.finishes(), 1);
}

TEST_F(StreamTest, MarksTheFinalResponseWhenAsked) {
  inference::ModelInferRequest request;
  ASSERT_TRUE(request.ParseFromString(request_with("x", 1)));
  (*request.mutable_parameters())["triton_enable_empty_final_response"].set_bool_param(true);
  exchange.send(request.SerializeAsString());
  ASSERT_TRUE(exchange.wait_written(1));
  const auto response = parsed(exchange.written()[0]).infer_response();
  ASSERT_TRUE(response.parameters().contains("triton_final_response"));
  EXPECT_TRUE(response.parameters().at("triton_final_response").bool_param());
  EXPECT_EQ(response.outputs_size(), 1);
  exchange.end_messages();
}

TEST_F(StreamTest, ClientThatLeavesCancelsWhatWaits) {
  dummy->hold_calls = true;
  for (int i = 0; i < 3; ++i) exchange.send(request_with(std::to_string(i), 0));
  exchange.cancel();
  ASSERT_TRUE(exchange.wait_finished());
  EXPECT_EQ(exchange.status().code(), StatusCode::kCancelled);
  EXPECT_EQ(exchange.finishes(), 1);
  EXPECT_EQ(exchange.written().size(), 0u);
  EXPECT_EQ(dummy->cancels(), 3);
}

TEST_F(StreamTest, TooManyWaitingRequestsEndTheStream) {
  dummy->hold_calls = true;
  const auto request = request_with("", 0);
  for (std::size_t i = 0; i <= kserve_grpc::InferStream::kMaxWaiting; ++i) exchange.send(request);
  ASSERT_TRUE(exchange.wait_finished());
  EXPECT_EQ(exchange.status().code(), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace ocelli::rpc
