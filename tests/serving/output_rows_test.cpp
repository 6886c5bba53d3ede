// Replies have the shape and the bytes that the runtime gave, and nothing of anybody else, on models whose outputs do
// not have the rows of their inputs.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/backend_module.hpp"
#include "serving/model_servable.hpp"
#include "support/built_backends.hpp"

namespace ocelli::serving {
namespace {

using scheduling::BatchingMode;
using Floats = std::vector<float>;

struct RowsCase {
  const char* name;
  const char* backend;
  ModelFormat format;
  const char* file;
  const char* device = "CPU";
};

constexpr RowsCase kCases[] = {
    {"openvino", "openvino", ModelFormat::kOpenvinoIr, "model.xml"},
    {"onnxruntime", "onnxruntime", ModelFormat::kOnnx, "model.onnx"},
    {"worker_ir", "openvino_c", ModelFormat::kOpenvinoIr, "model.xml", "LEGACY.CPU"},
    {"worker_onnx", "openvino_c", ModelFormat::kOnnx, "model.onnx", "LEGACY.CPU"},
};

struct Rows {
  std::int64_t count = 0;
  Floats values;
};

struct Client final : CallCompletion {
  void on_call_done(InferenceCall&) noexcept override {
    const std::lock_guard lock(mutex);
    told = true;
    changed.notify_all();
  }
  bool wait() {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(60), [this] { return told; });
  }
  [[nodiscard]] Shape shape() const { return call.outputs.at(0).tensor.view.shape; }
  [[nodiscard]] Floats values() const {
    const auto& view = call.outputs.at(0).tensor.view;
    Floats result(view.bytes / sizeof(float));
    if (!result.empty()) std::memcpy(result.data(), view.data, view.bytes);
    return result;
  }
  InferenceCall call;
  std::mutex mutex;
  std::condition_variable changed;
  bool told = false;
};

class OutputRows : public testing::TestWithParam<RowsCase> {
 protected:
  void SetUp() override {
    if (const auto why = test::why_not_built(GetParam().backend); !why.empty()) GTEST_SKIP() << why;
    models_ = test::generated_models();
    ASSERT_FALSE(models_.empty()) << test::kNoModels;
    auto loaded = load_backend(default_backend_folder(), GetParam().backend, {});
    ASSERT_TRUE(loaded.ok()) << loaded.status().to_string();
    runtime_ = std::move(loaded).value();
    // What an earlier client left in the buffers that replies are made of.
    std::vector<BufferRef> left;
    for (const std::size_t bytes : {16, 32, 48, 64, 96, 128, 256, 512}) {
      for (int i = 0; i < 8; ++i) {
        auto buffer = pool_.get(bytes);
        for (std::size_t at = 0; at + sizeof kSecret <= bytes; at += sizeof kSecret)
          std::memcpy(buffer->data() + at, &kSecret, sizeof kSecret);
        left.push_back(std::move(buffer));
      }
    }
  }
  std::shared_ptr<ModelServable> serve(const std::string& model, BatchingMode mode, std::uint32_t max_items = 8) {
    CompileOptions compile;
    compile.device = GetParam().device;
    compile.properties["INFERENCE_PRECISION_HINT"] = "f32";
    auto compiled = runtime_->compile({GetParam().format, models_ / model / GetParam().file}, compile);
    if (!compiled.ok()) {
      ADD_FAILURE() << compiled.status().to_string();
      return nullptr;
    }
    ModelServableOptions options;
    options.name = model;
    options.batching.mode = mode;
    options.batching.max_items = max_items;
    scheduling::ExecutorSpec executor;
    executor.model = std::move(compiled).value();
    executor.lanes = 2;
    auto device = PlannedDevice::of(std::move(executor));
    // As a plan has it: what happens to the device is then told.
    device.compile = [](const std::stop_token&, bool) -> Result<scheduling::ExecutorSpec> {
      return unavailable("gone");
    };
    options.devices.push_back(std::move(device));
    auto made = ModelServable::create(std::move(options), context_);
    EXPECT_TRUE(made.ok()) << made.status().to_string();
    return made.ok() ? std::move(made).value() : nullptr;
  }
  // One set of rows for each input, all equally wide.
  static void ask(Client& client, const ServableHandle& servable, const std::vector<Rows>& inputs) {
    client.call.servable = servable;
    client.call.completion = &client;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const auto& rows = inputs[i];
      const auto bytes = rows.values.size() * sizeof(float);
      auto buffer = Buffer::allocate(bytes);
      if (bytes > 0) std::memcpy(buffer->data(), rows.values.data(), bytes);
      const auto& spec = servable->metadata().inputs.at(i);
      client.call.inputs.push_back(
          {spec.name, Tensor::of(DataType::kFp32, {rows.count, spec.shape.dims[1].min}, std::move(buffer), 0, bytes)});
    }
    servable->infer(client.call);
  }
  static void expect(const ServableHandle& servable, const std::vector<Rows>& inputs, const Shape& shape,
                     const Floats& values) {
    Client client;
    ask(client, servable, inputs);
    ASSERT_TRUE(client.wait());
    ASSERT_TRUE(client.call.status.ok()) << client.call.status.to_string();
    EXPECT_EQ(client.shape(), shape) << client.shape().to_string();
    EXPECT_EQ(client.values(), values);
  }

  static constexpr float kSecret = 424242;
  BufferPool pool_;
  std::filesystem::path models_;
  std::shared_ptr<Runtime> runtime_;  // outlives the servables, which the context destroys
  ServingContext context_{pool_, Log()};
};

TEST_P(OutputRows, ItIsKnownOfWhichModelsDataMayDecideAboutShapes) {
  const auto follows = [&](const std::string& model) {
    CompileOptions options;
    options.device = GetParam().device;
    auto compiled = runtime_->compile({GetParam().format, models_ / model / GetParam().file}, options);
    EXPECT_TRUE(compiled.ok()) << compiled.status().to_string();
    return compiled.ok() && (*compiled)->shapes_follow_inputs();
  };
  for (const char* model : {"product", "sum", "row", "first_three", "flat", "fixed_batch"})
    EXPECT_TRUE(follows(model)) << model;
  EXPECT_FALSE(follows("kept_rows"));
}

TEST_P(OutputRows, AReplyHasAsManyRowsAsTheModelKept) {
  for (const auto mode : {BatchingMode::kOff, BatchingMode::kOn}) {
    const auto servable = serve("kept_rows", mode);
    ASSERT_TRUE(servable);
    expect(servable, {{2, {1, 2, 3, 4, 5, 6, 7, 8}}}, {2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
    expect(servable, {{2, {-1, 2, 3, 4, 5, 6, 7, 8}}}, {1, 4}, {5, 6, 7, 8});
    expect(servable, {{2, {-1, 2, 3, 4, -5, 6, 7, 8}}}, {0, 4}, {});
    expect(servable, {{1, {-1, 2, 3, 4}}}, {0, 4}, {});
    expect(servable, {{2, {1, 2, 3, 4, 5, 6, 7, 8}}}, {2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  }
}

TEST_P(OutputRows, NobodyGetsRowsOfAnotherWhenManyAskAtOnce) {
  const auto servable = serve("kept_rows", BatchingMode::kOn);
  ASSERT_TRUE(servable);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 60; ++i) {
        Floats in;
        Floats out;
        const std::int64_t rows = 1 + (i + t) % 3;
        for (std::int64_t row = 0; row < rows; ++row) {
          const bool kept = (i + t + row) % 2 == 0;
          const auto tag = static_cast<float>(1 + t * 1000 + i);
          for (const float value : {kept ? tag : -tag, tag, tag, tag}) {
            in.push_back(value);
            if (kept) out.push_back(value);
          }
        }
        Client client;
        ask(client, servable, {{rows, in}});
        if (!client.wait() || !client.call.status.ok() || client.values() != out ||
            client.shape() != Shape{static_cast<std::int64_t>(out.size() / 4), 4})
          ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_EQ(servable->metrics().executions.load(), 360u) << "rows that hang on the data are never put together";
}

TEST_P(OutputRows, AModelThatFollowsTheBatchOnlyUpToASizeIsFoundOut) {
  for (const auto mode : {BatchingMode::kOff, BatchingMode::kOn}) {
    // With at most two items nothing is measured that would show it.
    const auto servable = serve("first_three", mode, 2);
    ASSERT_TRUE(servable);
    expect(servable, {{2, {1, 2, 3, 4, 5, 6, 7, 8}}}, {2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
    expect(servable, {{4, {1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4}}}, {3, 4},
           {1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3});
    expect(servable, {{5, Floats(20, 7)}}, {3, 4}, Floats(12, 7));
    // OpenVINO knows beforehand that there are never more than three rows; ONNX Runtime's runs tell.
    const auto note = servable->metadata().devices->reports().at(0).info.note;
    EXPECT_EQ(note.find("not batched") != std::string::npos, std::string(GetParam().backend) == "onnxruntime") << note;
  }
}

TEST_P(OutputRows, TheFirstDimensionNeedNotBeTheBatch) {
  const auto servable = serve("flat", BatchingMode::kOn);
  ASSERT_TRUE(servable);
  expect(servable, {{1, {1, 2, 3, 4}}}, {4}, {1, 2, 3, 4});
  expect(servable, {{2, {1, 2, 3, 4, 5, 6, 7, 8}}}, {8}, {1, 2, 3, 4, 5, 6, 7, 8});
}

TEST_P(OutputRows, NoRowsGiveNoRows) {
  for (const auto mode : {BatchingMode::kOff, BatchingMode::kOn}) {
    const auto servable = serve("first_three", mode);
    ASSERT_TRUE(servable);
    expect(servable, {{1, {1, 2, 3, 4}}}, {1, 4}, {1, 2, 3, 4});
    expect(servable, {{0, {}}}, {0, 4}, {});
    const auto product = serve("product", mode);
    ASSERT_TRUE(product);
    expect(product, {{0, {}}}, {0, 64}, {});
  }
}

TEST_P(OutputRows, InputsOfUnequalRowsAreAnsweredAlone) {
  const auto servable = serve("sum", BatchingMode::kOn);
  ASSERT_TRUE(servable);
  const Rows one{1, {1, 2, 3, 4}};
  const Rows three{3, {10, 10, 10, 10, 20, 20, 20, 20, 30, 30, 30, 30}};
  const Floats sum{11, 12, 13, 14, 21, 22, 23, 24, 31, 32, 33, 34};
  expect(servable, {one, three}, {3, 4}, sum);
  expect(servable, {three, one}, {3, 4}, sum);
  // Together they would have as many rows of the one input as of the other.
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 60; ++i) {
        Client client;
        if (t % 2 == 0) {
          ask(client, servable, {one, three});
        } else {
          ask(client, servable, {three, one});
        }
        if (!client.wait() || !client.call.status.ok() || client.values() != sum) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
}

TEST_P(OutputRows, WhatTheFileSaysOfItsOutputsNeedNotBeSo) {
  if (GetParam().format != ModelFormat::kOnnx) GTEST_SKIP() << "an IR says nothing of its outputs";
  const auto servable = serve("two_rows", BatchingMode::kOn);
  ASSERT_TRUE(servable);
  expect(servable, {{1, {1, 2, 3, 4}}}, {1, 4}, {1, 2, 3, 4});
  expect(servable, {{3, Floats(12, 5)}}, {3, 4}, Floats(12, 5));
  expect(servable, {{2, Floats(8, 6)}}, {2, 4}, Floats(8, 6));
}

std::string case_name(const testing::TestParamInfo<RowsCase>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(All, OutputRows, testing::ValuesIn(kCases), case_name);

}  // namespace
}  // namespace ocelli::serving
