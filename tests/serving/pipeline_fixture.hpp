// PipelineTest: pipelines over models that count, add and sum.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "serving/model_servable.hpp"
#include "serving/pipeline_run.hpp"
#include "serving/pipeline_servable.hpp"
#include "support/fake_model.hpp"

namespace ocelli::serving {

struct PipelineClient final : CallCompletion {
  void on_call_done(InferenceCall&) noexcept override {
    const std::lock_guard lock(mutex);
    ++told;
    changed.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(20), [this] { return told > 0; }));
  }
  [[nodiscard]] const TensorView& view(std::size_t i = 0) const { return call.outputs.at(i).tensor.view; }
  [[nodiscard]] std::vector<float> values(std::size_t i = 0) const {
    std::vector<float> out(view(i).bytes / sizeof(float));
    std::memcpy(out.data(), view(i).data, view(i).bytes);
    return out;
  }
  std::mutex mutex;
  std::condition_variable changed;
  int told = 0;
  InferenceCall call;
};

inline std::vector<float> counting(std::size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.0F);
  return values;
}

// (n,...) -> sums the first dimension away: in (3,1,2), out (1,2).
inline test::FakeModel::Kernel sum_kernel() {
  return [](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
    const auto parts = static_cast<std::size_t>(in[0].shape[0]);
    const auto each = in[0].bytes / sizeof(float) / parts;
    for (std::size_t i = 0; i < each; ++i) {
      float sum = 0;
      for (std::size_t part = 0; part < parts; ++part)
        sum += reinterpret_cast<const float*>(in[0].data)[part * each + i];
      reinterpret_cast<float*>(out[0].view.data)[i] = sum;
    }
    return {};
  };
}

struct PipelineTest : testing::Test {
  void add_model(const std::string& name, ModelSignature signature, test::FakeModel::Kernel kernel) {
    auto fake = std::make_shared<test::FakeModel>(std::move(signature), std::move(kernel), 2);
    fakes[name] = fake;
    auto options = base;
    options.name = name;
    scheduling::ExecutorSpec executor;
    executor.model = fake;
    executor.lanes = 2;
    options.devices.push_back(PlannedDevice::of(std::move(executor)));
    models[name] = std::move(ModelServable::create(std::move(options), context)).value();
    fake->reset_counts();
  }
  void add_adder(const std::string& name, const Shape& shape, float add) {
    add_model(name, test::add_signature(PartialShape::from(shape)), test::add_kernel(add));
  }
  ServableResolver resolver() {
    return [this](const std::string& name, std::optional<std::int64_t>) -> Result<ServableHandle> {
      const auto found = models.find(name);
      if (found == models.end()) return not_found("Model with requested name is not found");
      return found->second;
    };
  }
  static PipelineNode node(const std::string& name, const std::string& model, const PipelineSource& source) {
    PipelineNode made;
    made.name = name;
    made.model = model;
    made.inputs = {{"b", source}};
    return made;
  }
  Status open(const PipelineDefinition& definition) {
    auto made = PipelineServable::create(definition, resolver(), context);
    if (!made.ok()) return std::move(made).status();
    pipeline = std::move(made).value();
    return {};
  }
  void send(PipelineClient& client, const Shape& shape, const std::vector<float>& values) {
    auto buffer = Buffer::allocate(values.size() * sizeof(float));
    if (!values.empty()) std::memcpy(buffer->data(), values.data(), values.size() * sizeof(float));
    client.call.servable = pipeline;
    client.call.completion = &client;
    client.call.inputs.push_back(
        {"in", Tensor::of(DataType::kFp32, shape, std::move(buffer), 0, values.size() * sizeof(float))});
    pipeline->infer(client.call);
  }
  PipelineDefinition chain(std::vector<PipelineNode> nodes, const PipelineSource& out) {
    PipelineDefinition definition;
    definition.name = "pipe";
    definition.inputs = {"in"};
    definition.nodes = std::move(nodes);
    definition.outputs = {{"out", out}};
    return definition;
  }

  ModelServableOptions base;  // of every model
  BufferPool pool;
  ServingContext context{pool, Log()};
  std::map<std::string, std::shared_ptr<test::FakeModel>> fakes;
  std::map<std::string, ServableHandle> models;
  std::shared_ptr<PipelineServable> pipeline;
};

}  // namespace ocelli::serving
