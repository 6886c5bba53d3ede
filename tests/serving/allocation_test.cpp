// C16: in the steady state a request costs no heap allocation in our code.
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "serving/model_servable.hpp"
#include "support/allocation_counter.hpp"
#include "support/fake_model.hpp"

namespace ocelli::serving {
namespace {

struct Client final : CallCompletion {
  void on_call_done(InferenceCall&) noexcept override {
    const std::lock_guard lock(mutex);
    done = true;
    changed.notify_one();
  }
  void wait() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return done; });
    done = false;
  }
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  InferenceCall call;
};

void fill(Client& client, const ServableHandle& servable, const BufferRef& body) {
  client.call.clear();
  client.call.servable = servable;
  client.call.completion = &client;
  client.call.deadline = Clock::now() + std::chrono::seconds(60);
  client.call.inputs.push_back({"b", Tensor::of(DataType::kFp32, {1, 10}, body, 0, 40)});
}

// Allocations of 1000 requests after a warm-up, with `clients` in flight together: the least of several such runs. The
// most buffers that were ever out at once is reached by chance of the threads' timing, and reaching a new most takes
// one more buffer into the pool; a request that allocated would show in every run.
std::size_t allocations_of_steady_state(const ServableHandle& servable, std::size_t clients) {
  const auto body = Buffer::allocate(40);
  std::memset(body->data(), 0, 40);
  std::vector<std::unique_ptr<Client>> all;
  for (std::size_t i = 0; i < clients; ++i) all.push_back(std::make_unique<Client>());
  const auto round = [&] {
    for (auto& client : all) fill(*client, servable, body);
    for (auto& client : all) servable->infer(client->call);
    for (auto& client : all) client->wait();
  };
  for (int i = 0; i < 200; ++i) round();
  std::size_t least = SIZE_MAX;
  for (int run = 0; run < 5 && least != 0; ++run) {
    const auto before = test::allocations.load();
    for (std::size_t i = 0; i < 1000 / clients; ++i) round();
    least = std::min<std::size_t>(least, test::allocations.load() - before);
  }
  for (auto& client : all) {
    EXPECT_TRUE(client->call.status.ok()) << client->call.status.to_string();
    EXPECT_EQ(client->call.outputs.size(), 1u);
  }
  return least;
}

ServableHandle make(ServingContext& context, const PartialShape& shape, Duration inline_below, std::uint32_t lanes) {
  ModelServableOptions options;
  options.name = "dummy";
  options.inline_below = inline_below;
  options.batching.mode = scheduling::BatchingMode::kOn;
  scheduling::ExecutorSpec executor;
  executor.model = std::make_shared<test::FakeModel>(test::add_signature(shape), test::add_kernel(1.0F), lanes);
  executor.lanes = lanes;
  options.devices.push_back(PlannedDevice::of(std::move(executor)));
  auto servable = ModelServable::create(std::move(options), context);
  EXPECT_TRUE(servable.ok());
  return std::move(servable).value();
}

TEST(Allocations, TheCounterCounts) {
  const auto before = test::allocations.load();
  delete new int;
  EXPECT_EQ(test::allocations.load() - before, 1u);
}

TEST(Allocations, NoneWhenTheModelRunsOnTheSubmittersThread) {
  BufferPool pool;
  ServingContext context(pool, Log());
  const auto servable = make(context, PartialShape::from({1, 10}), std::chrono::seconds(1), 1);
  EXPECT_EQ(allocations_of_steady_state(servable, 1), 0u);
}

TEST(Allocations, NoneWhenTheRuntimesThreadsRunItAndRequestsQueue) {
  BufferPool pool;
  ServingContext context(pool, Log());
  const auto servable = make(context, PartialShape::from({1, 10}), Duration::zero(), 2);
  EXPECT_EQ(allocations_of_steady_state(servable, 8), 0u);
}

TEST(Allocations, NoneWhenRequestsRunInBatches) {
  BufferPool pool;
  ServingContext context(pool, Log());
  PartialShape shape = PartialShape::from({1, 10});
  shape.dims[0] = Dimension::any();
  const auto servable = make(context, shape, Duration::zero(), 1);
  EXPECT_EQ(allocations_of_steady_state(servable, 8), 0u);
  EXPECT_LT(servable->metrics().executions.load(), servable->metrics().inferences.load()) << "nothing was batched";
}

}  // namespace
}  // namespace ocelli::serving
