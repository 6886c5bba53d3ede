// ModelFactory: turns a model's files into a servable on the devices of its plan.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/log.hpp"
#include "devices/device_plan.hpp"
#include "devices/runtime_registry.hpp"
#include "repository/servable_factory.hpp"
#include "scheduling/batching.hpp"
#include "serving/model_servable.hpp"
#include "serving/serving_context.hpp"

namespace ocelli::server {

// What is the same for all models of a server.
struct ModelFactoryOptions {
  // Names of simulated devices, which count as devices in target_device.
  std::vector<std::string> simulated_devices;
  scheduling::BatchingOptions batching;
  // Requests that may wait per model version.
  std::size_t queue_limit = 4096;
  // Deadline of requests that bring none of their own; zero: none.
  Duration default_timeout{};
  // AUTO finds the order of its devices by measuring the model on each, and a plain CPU the faster of its runtimes.
  bool probe_devices = false;
  // How often unused sequences of stateful models are dropped; zero: never.
  Duration sequence_scan = std::chrono::minutes(5);
};

// Thread-safe. What it refers to must outlive it and every servable it made.
class ModelFactory final : public repository::ServableFactory {
 public:
  ModelFactory(ModelFactoryOptions options, devices::RuntimeRegistry& runtimes, serving::ServingContext& context,
               Log log);

  Result<std::shared_ptr<serving::Servable>> load_model(const repository::ModelLoad& load) override;
  void hurry(bool begins) noexcept override { context_.hurried.fetch_add(begins ? 1 : -1, std::memory_order_relaxed); }
  Result<std::shared_ptr<serving::Servable>> load_pipeline(const repository::PipelineLoad& load) override;

 private:
  // Logs what OpenVINO finds here, once, on a thread of its own: asking every plugin takes as long as reading a small
  // compiled model. Joined by whoever holds the thread.
  [[nodiscard]] std::jthread announce_openvino();
  [[nodiscard]] serving::ModelServableOptions servable_options(const repository::ModelLoad& load,
                                                               const devices::DevicePlan& plan) const;

  const ModelFactoryOptions options_;
  devices::RuntimeRegistry& runtimes_;
  serving::ServingContext& context_;
  const Log log_;
  std::atomic<bool> announced_{false};
};

}  // namespace ocelli::server
