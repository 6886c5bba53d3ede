// Servables on every runtime that was built: answers, batching, cancellation, and lives that end in the middle of a
// run.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/backend_module.hpp"
#include "serving/model_servable.hpp"
#include "support/built_backends.hpp"

namespace ocelli::serving {
namespace {

struct RuntimeCase {
  const char* backend;
  ModelFormat format;
  const char* file;
  const char* device;
  const char* settings;
};

constexpr RuntimeCase kCases[] = {
    {"openvino", ModelFormat::kOpenvinoIr, "model.xml", "CPU", ""},
    {"onnxruntime", ModelFormat::kOnnx, "model.onnx", "CPU", ""},
    {"simulated", ModelFormat::kOnnx, "model.onnx", "SIM.0", R"({"devices":[{"name":"SIM.0","streams":2}]})"},
    {"simulated", ModelFormat::kOnnx, "model.onnx", "SIM.0",
     R"({"devices":[{"name":"SIM.0","streams":2,"service_time_us":300}]})"},
};

// One call; told calls are counted, and forget() makes the telling drop the last handle.
struct Client final : CallCompletion {
  void on_call_done(InferenceCall& ended) noexcept override {
    if (forget) ended.servable.reset();
    const std::lock_guard lock(mutex);
    ++told;
    changed.notify_all();
  }
  bool wait() {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(60), [this] { return told > 0; });
  }
  void reset() {
    const std::lock_guard lock(mutex);
    told = 0;
    call.clear();
  }
  InferenceCall call;
  std::mutex mutex;
  std::condition_variable changed;
  int told = 0;
  bool forget = false;
};

class RealRuntime : public testing::TestWithParam<RuntimeCase> {
 protected:
  void SetUp() override {
    if (const auto why = test::why_not_built(GetParam().backend); !why.empty()) GTEST_SKIP() << why;
    models_ = test::generated_models();
    ASSERT_FALSE(models_.empty()) << test::kNoModels;
    BackendContext backend;
    backend.settings = GetParam().settings;
    auto loaded = load_backend(default_backend_folder(), GetParam().backend, backend);
    ASSERT_TRUE(loaded.ok()) << loaded.status().to_string();
    runtime_ = std::move(loaded).value();
  }
  std::shared_ptr<ModelServable> serve(const std::string& model, ModelServableOptions options = {}) {
    CompileOptions compile;
    compile.device = GetParam().device;
    compile.properties["INFERENCE_PRECISION_HINT"] = "f32";
    auto compiled = runtime_->compile({GetParam().format, models_ / model / GetParam().file}, compile);
    if (!compiled.ok()) {
      ADD_FAILURE() << compiled.status().to_string();
      return nullptr;
    }
    options.name = model;
    scheduling::ExecutorSpec executor;
    executor.model = std::move(compiled).value();
    executor.lanes = 2;
    options.devices.push_back(PlannedDevice::of(std::move(executor)));
    auto made = ModelServable::create(std::move(options), context_);
    EXPECT_TRUE(made.ok()) << made.status().to_string();
    return made.ok() ? std::move(made).value() : nullptr;
  }
  // Rows of positive numbers, which every one of these models gives back; inputs beyond the first are zero.
  void ask(Client& client, const ServableHandle& servable, std::int64_t rows, std::int64_t columns, float first) {
    const auto count = static_cast<std::size_t>(rows * columns);
    auto buffer = pool_.get(count * sizeof(float));
    for (std::size_t i = 0; i < count; ++i) {
      const float value = first + static_cast<float>(i);
      std::memcpy(buffer->data() + i * sizeof value, &value, sizeof value);
    }
    client.call.servable = servable;
    client.call.completion = &client;
    const auto bytes = count * sizeof(float);
    client.call.inputs.push_back({servable->metadata().inputs.at(0).name,
                                  Tensor::of(DataType::kFp32, {rows, columns}, std::move(buffer), 0, bytes)});
    for (std::size_t i = 1; i < servable->metadata().inputs.size(); ++i) {
      auto zeros = pool_.get(bytes);
      std::memset(zeros->data(), 0, bytes);
      client.call.inputs.push_back({servable->metadata().inputs[i].name,
                                    Tensor::of(DataType::kFp32, {rows, columns}, std::move(zeros), 0, bytes)});
    }
    servable->infer(client.call);
  }
  static bool answered(const Client& client) {
    const auto& call = client.call;
    return call.status.ok() && call.outputs.size() == 1 &&
           call.outputs[0].tensor.view.bytes == call.inputs[0].tensor.view.bytes &&
           std::memcmp(call.outputs[0].tensor.view.data, call.inputs[0].tensor.view.data,
                       call.inputs[0].tensor.view.bytes) == 0;
  }

  BufferPool pool_;
  std::filesystem::path models_;
  std::shared_ptr<Runtime> runtime_;  // outlives the servables, which the context destroys
  ServingContext context_{pool_, Log()};
};

TEST_P(RealRuntime, ManyThreadsGetTheirOwnAnswersWhateverIsBatched) {
  for (const auto mode : {scheduling::BatchingMode::kOff, scheduling::BatchingMode::kOn}) {
    ModelServableOptions options;
    options.batching.mode = mode;
    options.batching.max_items = 8;
    const auto servable = serve("sum", std::move(options));
    ASSERT_TRUE(servable);
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 6; ++t) {
      threads.emplace_back([&, t] {
        Client client;
        for (int i = 0; i < 150; ++i) {
          client.reset();
          ask(client, servable, 1 + (i + t) % 3, 4, static_cast<float>(1 + t * 1000 + i));
          if (!client.wait() || !answered(client)) ++wrong;
        }
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(wrong.load(), 0);
    const auto& metrics = servable->metrics();
    EXPECT_EQ(metrics.current_requests.load(), 0);
    EXPECT_EQ(metrics.stat_success.count.load(), 900u);
    if (mode == scheduling::BatchingMode::kOff) {
      EXPECT_EQ(metrics.executions.load(), 900u);
    }
  }
}

TEST_P(RealRuntime, AModelMayGoAwayWithItsLastCall) {
  for (int round = 0; round < 25; ++round) {
    auto servable = serve("dynamic");
    ASSERT_TRUE(servable);
    std::deque<Client> clients(6);
    for (auto& client : clients) {
      client.forget = true;
      ask(client, servable, 1, 4, 5);
    }
    const std::weak_ptr<ModelServable> gone = servable;
    servable.reset();
    for (auto& client : clients) {
      ASSERT_TRUE(client.wait());
      EXPECT_TRUE(answered(client)) << client.call.status.to_string();
    }
    EXPECT_TRUE(gone.expired());
  }
}

TEST_P(RealRuntime, CancelledCallsEndOnceAndTheNextOnesAreAnswered) {
  const auto servable = serve("dynamic");
  ASSERT_TRUE(servable);
  int cancelled = 0;
  for (int round = 0; round < 200; ++round) {
    std::deque<Client> clients(4);
    for (auto& client : clients) ask(client, servable, 1, 4, 5);
    // These calls outlive their telling, so that cancelling late is harmless.
    for (auto& client : clients) servable->cancel(client.call);
    for (auto& client : clients) {
      ASSERT_TRUE(client.wait());
      EXPECT_TRUE(answered(client) || client.call.status.code() == StatusCode::kCancelled);
      cancelled += client.call.status.ok() ? 0 : 1;
    }
  }
  EXPECT_TRUE(servable->drain(std::chrono::seconds(60)));
  Client after;
  ask(after, servable, 1, 4, 5);
  ASSERT_TRUE(after.wait());
  EXPECT_EQ(after.call.status.code(), StatusCode::kUnavailable);
  RecordProperty("cancelled", cancelled);
}

std::string case_name(const testing::TestParamInfo<RuntimeCase>& info) {
  return info.param.backend + std::string(info.index == 3 ? "Timed" : "");
}

INSTANTIATE_TEST_SUITE_P(All, RealRuntime, testing::ValuesIn(kCases), case_name);

}  // namespace
}  // namespace ocelli::serving
