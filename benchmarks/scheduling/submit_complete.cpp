// What our own code costs per request between infer() and on_call_done, on a model that does nothing.
#include <benchmark/benchmark.h>

#include <cstring>

#include "serving/model_servable.hpp"
#include "support/fake_model.hpp"

namespace ocelli::serving {
namespace {

struct Counter final : CallCompletion {
  void on_call_done(InferenceCall&) noexcept override { ++done; }
  std::size_t done = 0;
};

std::shared_ptr<ModelServable> make_servable(ServingContext& context, std::int64_t floats) {
  ModelServableOptions options;
  options.name = "noop";
  scheduling::ExecutorSpec executor;
  executor.model = std::make_shared<test::FakeModel>(
      test::add_signature(PartialShape::from({1, floats})),
      [](const std::vector<TensorView>&, std::vector<Tensor>&) -> Status { return {}; });
  options.devices.push_back(PlannedDevice::of(std::move(executor)));
  return std::move(ModelServable::create(std::move(options), context)).value();
}

// One client; the model runs on its thread. range(0): floats in and out.
void submit_and_complete(benchmark::State& state) {
  BufferPool pool;
  ServingContext context(pool, Log());
  const auto servable = make_servable(context, state.range(0));
  const auto bytes = static_cast<std::size_t>(state.range(0)) * sizeof(float);
  const auto body = Buffer::allocate(bytes);
  std::memset(body->data(), 0, bytes);
  Counter counter;
  InferenceCall call;
  for (auto _ : state) {
    call.clear();
    call.servable = servable;
    call.completion = &counter;
    call.times.received = Clock::now();
    call.deadline = call.times.received + std::chrono::seconds(10);
    call.inputs.push_back({"b", Tensor::of(DataType::kFp32, {1, state.range(0)}, body, 0, bytes)});
    servable->infer(call);
    benchmark::DoNotOptimize(call.outputs.data());
  }
  if (counter.done != static_cast<std::size_t>(state.iterations()) || !call.status.ok()) state.SkipWithError("lost");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(submit_and_complete)->Arg(16)->Arg(150528);

}  // namespace
}  // namespace ocelli::serving
