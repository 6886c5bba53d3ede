// Long messages that are refused because no reader has a place: they count for the model that they name.
#include <latch>

#include "base/thread_pool.hpp"
#include "inference/grpc_service.pb.h"
#include "observability/servable_metrics.hpp"
#include "protocols/handoff/object_pool.hpp"
#include "protocols/kserve_grpc/infer_message.hpp"
#include "protocols/rpc/unary_inference.hpp"
#include "protocols/tfserving_grpc/predict_message.hpp"
#include "router_fixture.hpp"
#include "tensorflow_serving/apis/predict.pb.h"

namespace ocelli::rpc {
namespace {

using observability::Method;

// A fixture whose one reader is held, and whose one place for waiting is taken, until the test ends.
class RefusedUnreadTest : public RouterFixture {
 protected:
  RefusedUnreadTest() {
    EXPECT_TRUE(readers.submit([this] {
      held.count_down();
      end.wait();
    }));
    held.wait();
    EXPECT_TRUE(readers.submit([] {}));
  }
  ~RefusedUnreadTest() override { end.count_down(); }

  template <typename Message>
  void expect_refused(const std::string& message) {
    handoff::WaitingPool<UnaryInference> jobs(
        [&](auto& home) { return std::make_unique<UnaryInference>(services, std::make_unique<Message>(), home); });
    test::FakeRpcExchange exchange("", message);
    jobs->acquire().handle(exchange);
    ASSERT_TRUE(exchange.wait_finished());
    EXPECT_EQ(exchange.status().code(), StatusCode::kResourceExhausted);
    EXPECT_EQ(exchange.status().message(), "Too many long requests are waiting to be read");
  }
  [[nodiscard]] std::uint64_t failed(Method method) {
    return dummy->metrics().fail[static_cast<std::size_t>(method)][0].load();
  }

  std::latch held{1};
  std::latch end{1};
  ThreadPool readers{"readers", 1, 1};
  const InferenceServices services{catalog, nullptr, &readers};
  const std::string bulk = std::string(std::size_t{5} << 20, 'x');
};

TEST_F(RefusedUnreadTest, ModelInferCountsForItsModel) {
  inference::ModelInferRequest request;
  request.set_model_name("dummy");
  request.add_raw_input_contents(bulk);
  expect_refused<kserve_grpc::InferMessage>(request.SerializeAsString());
  EXPECT_EQ(failed(Method::kModelInfer), 1U);
  EXPECT_EQ(dummy->metrics().errors[static_cast<std::size_t>(StatusCode::kResourceExhausted)].load(), 1U);
  EXPECT_EQ(dummy->metrics().stat_fail.count.load(), 1U) << "the servable never saw it";
  request.set_model_version("1");
  expect_refused<kserve_grpc::InferMessage>(request.SerializeAsString());
  EXPECT_EQ(failed(Method::kModelInfer), 2U);
}

TEST_F(RefusedUnreadTest, PredictCountsForItsModel) {
  tensorflow::serving::PredictRequest request;
  request.mutable_model_spec()->set_name("dummy");
  request.mutable_model_spec()->mutable_version()->set_value(1);
  (*request.mutable_inputs())["b"].set_tensor_content(bulk);
  expect_refused<tfserving_grpc::PredictMessage>(request.SerializeAsString());
  EXPECT_EQ(failed(Method::kPredict), 1U);
}

TEST_F(RefusedUnreadTest, CountsNowhereWithoutAModelThatIsThere) {
  inference::ModelInferRequest request;
  request.set_model_name("dummy");
  for (const auto* version : {"7", "x"}) {
    request.set_model_version(version);
    request.clear_raw_input_contents();
    request.add_raw_input_contents(bulk);
    expect_refused<kserve_grpc::InferMessage>(request.SerializeAsString());
  }
  request.set_model_version("");
  request.set_model_name(bulk);
  expect_refused<kserve_grpc::InferMessage>(request.SerializeAsString());
  expect_refused<kserve_grpc::InferMessage>(bulk);
  expect_refused<tfserving_grpc::PredictMessage>(bulk);
  EXPECT_EQ(failed(Method::kModelInfer), 0U);
  EXPECT_EQ(failed(Method::kPredict), 0U);
}

}  // namespace
}  // namespace ocelli::rpc
