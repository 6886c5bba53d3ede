// C16: in the steady state ModelInfer and Predict cost no heap allocation between the transport and the servable.
#include <gtest/gtest.h>

#include <cstring>

#include "inference/grpc_service.pb.h"
#include "protocols/rpc_router/rpc_router.hpp"
#include "support/allocation_counter.hpp"
#include "support/fake_catalog.hpp"
#include "tensorflow_serving/apis/predict.pb.h"

namespace ocelli::rpc {
namespace {

// Like the transport's exchanges: reused, and allocating nothing itself.
class ReusedExchange final : public transport::RpcExchange {
 public:
  ReusedExchange(std::string path, const std::string& message) : path_(std::move(path)) {
    message_.owner = Buffer::allocate(message.size());
    std::memcpy(message_.owner->data(), message.data(), message.size());
    message_.bytes = {message_.owner->data(), message.size()};
  }
  [[nodiscard]] std::string_view path() const noexcept override { return path_; }
  [[nodiscard]] std::optional<std::string_view> metadata(std::string_view) const noexcept override {
    return std::nullopt;
  }
  [[nodiscard]] const transport::RpcMessage& message() const noexcept override { return message_; }
  [[nodiscard]] TimePoint deadline() const noexcept override { return kNever; }
  [[nodiscard]] TimePoint received() const noexcept override { return received_; }
  [[nodiscard]] std::string_view remote() const noexcept override { return "test"; }
  [[nodiscard]] BufferPool& pool() noexcept override { return pool_; }
  [[nodiscard]] const std::shared_ptr<ByteBudget>& budget() const noexcept override { return budget_; }
  [[nodiscard]] transport::ReplyBody& reply() noexcept override { return reply_; }
  void set_stream_listener(transport::RpcStreamListener*) noexcept override {}
  void set_cancel_listener(transport::CancelListener*) noexcept override {}
  void write() noexcept override {}
  void finish(const Status& status) noexcept override {
    ok_ += status.ok() ? 1 : 0;
    sent_ += reply_.size();
    reply_.clear();
  }

  int ok_ = 0;
  std::size_t sent_ = 0;

 private:
  std::string path_;
  transport::RpcMessage message_;
  TimePoint received_ = Clock::now();
  BufferPool pool_;
  std::shared_ptr<ByteBudget> budget_ = std::make_shared<ByteBudget>(0);
  transport::ReplyBody reply_;
};

// Answers its input twice, under two names.
std::shared_ptr<test::FakeServable> make_twice() {
  serving::ServableMetadata metadata;
  metadata.name = "a model with a name that no small string holds";
  PartialShape any{{Dimension::any()}, true};
  metadata.inputs = {{"x", DataType::kFp32, any, ""}};
  metadata.outputs = {{"y", DataType::kFp32, any, ""}, {"z", DataType::kFp32, any, ""}};
  return std::make_shared<test::FakeServable>(std::move(metadata), [](serving::InferenceCall& call) {
    for (const auto& spec : call.servable->metadata().outputs)
      call.outputs.push_back({spec.name, call.inputs[0].tensor, false});
  });
}

std::size_t allocations_of(const std::string& path, const std::string& message) {
  test::FakeCatalog catalog;
  catalog.add(make_twice());
  RpcRouter router({catalog, nullptr, "name", "1"});
  ReusedExchange exchange(path, message);
  for (int i = 0; i < 20; ++i) router.handle(exchange);
  const auto before = test::allocations.load();
  for (int i = 0; i < 1000; ++i) router.handle(exchange);
  const auto after = test::allocations.load();
  EXPECT_EQ(exchange.ok_, 1020);
  EXPECT_GT(exchange.sent_ / 1020, 2 * 4 * 5000U);
  return after - before;
}

constexpr const char* kModel = "a model with a name that no small string holds";

TEST(RpcAllocations, TheCounterCounts) {
  const auto before = test::allocations.load();
  delete new int;
  EXPECT_EQ(test::allocations.load() - before, 1u);
}

TEST(RpcAllocations, NoneForModelInfer) {
  inference::ModelInferRequest request;
  request.set_model_name(kModel);
  request.set_model_version("1");
  request.set_id("an id that no small string holds either, for it is long");
  (*request.mutable_parameters())["timeout"].set_int64_param(1'000'000'000);
  auto& input = *request.add_inputs();
  input.set_name("x");
  input.set_datatype("FP32");
  input.add_shape(5000);
  request.add_raw_input_contents(std::string(20'000, '\0'));
  EXPECT_EQ(allocations_of("/inference.GRPCInferenceService/ModelInfer", request.SerializeAsString()), 0u);
  request.clear_raw_input_contents();
  for (int i = 0; i < 5000; ++i) request.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
  EXPECT_EQ(allocations_of("/inference.GRPCInferenceService/ModelInfer", request.SerializeAsString()), 0u);
}

TEST(RpcAllocations, NoneForPredict) {
  tensorflow::serving::PredictRequest request;
  request.mutable_model_spec()->set_name(kModel);
  auto& tensor = (*request.mutable_inputs())["x"];
  tensor.set_dtype(tensorflow::DT_FLOAT);
  tensor.mutable_tensor_shape()->add_dim()->set_size(5000);
  tensor.set_tensor_content(std::string(20'000, '\0'));
  EXPECT_EQ(allocations_of("/tensorflow.serving.PredictionService/Predict", request.SerializeAsString()), 0u);
}

}  // namespace
}  // namespace ocelli::rpc
