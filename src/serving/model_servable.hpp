// ModelServable: one version of a model, on the devices of its plan.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "scheduling/scheduler.hpp"
#include "serving/device_supervisor.hpp"
#include "serving/planned_device.hpp"
#include "serving/request_ports.hpp"
#include "serving/sequence_manager.hpp"
#include "serving/servable.hpp"
#include "serving/serving_context.hpp"

namespace ocelli::serving {

// Everything that makes a ModelServable; a plain value.
struct ModelServableOptions {
  std::string name;
  std::int64_t version = 1;
  std::string platform = "OpenVINO";
  // Makes ServableMetadata::model_info out of CompiledModel::model_info(); empty: none.
  using ModelInfo = std::map<std::string, std::string>;
  std::function<ModelInfo(const ModelInfo&)> describe;
  // mapping_config.json: the name that clients use, by the model's own. Tensors that are not in it keep their names.
  std::map<std::string, std::string> input_names;
  std::map<std::string, std::string> output_names;

  // The devices of the plan, in order of preference; at least one. Each model's shared_ptr must keep its runtime alive.
  // All name the same tensors of the same types, and their shapes agree. lanes: the member's "(n)", else nireq, else 0
  // for the device's optimum.
  std::vector<PlannedDevice> devices;
  DevicePolicy policy;
  std::size_t queue_limit = 10'000;
  // Deadline of calls that bring none of their own, from when they come; zero: none.
  Duration default_timeout{};
  scheduling::BatchingOptions batching;
  Duration inline_below = std::chrono::microseconds(100);
  // See SchedulerOptions.
  Duration halved_for = std::chrono::seconds(30);
  StatefulOptions stateful;
  // Survives reloads when the repository passes the same object; made here when null.
  std::shared_ptr<observability::ServableMetrics> metrics;
};

// Thread-safe. infer() checks the request on the calling thread, in OVMS's order and with its texts. Encoded pictures
// and texts for numeric inputs are converted on the context's conversion threads.
class ModelServable final : public Servable, private scheduling::WorkCompletion {
 public:
  // Makes ready what the policy wants before the first request, makes the lanes, warms them up and measures batching:
  // blocks for as long as the runtime compiles, and up to seconds more. The handle's last holder may be on any thread:
  // the model is destroyed on the context's clean-up thread. Errors: no device, signatures that differ, a name mapping
  // that does not fit (kInvalidArgument), or those of the devices.
  static Result<std::shared_ptr<ModelServable>> create(ModelServableOptions options, ServingContext& context);
  ~ModelServable() override;

  [[nodiscard]] const ServableMetadata& metadata() const noexcept override { return metadata_; }
  [[nodiscard]] observability::ServableMetrics& metrics() noexcept override { return *metrics_; }
  void infer(InferenceCall& call) noexcept override;
  void cancel(InferenceCall& call) noexcept override;
  [[nodiscard]] std::shared_ptr<CompiledModel> compiled_model() const override { return scheduler_.first_model(); }

  // For shutting down: refuses new calls with kUnavailable and waits until the others have ended, for at most limit;
  // then fails those that wait and asks those that run to stop. True when nothing is left. Not needed before dropping
  // the handle of a version that was replaced: its calls keep it alive.
  bool drain(Duration limit) noexcept { return scheduler_.drain(limit); }

 private:
  struct OutputPort {
    TensorSpec spec;           // under the clients' name
    std::size_t index = 0;     // position in the model's signature
    bool string_rows = false;  // two-dimensional UINT8 output NAME_string: goes out as strings
  };

  ModelServable(ModelServableOptions&& options, ServingContext& context);
  using Names = std::map<std::string, std::string>;
  Status name_ports(const Names& input_names, const Names& output_names, const ModelSignature& signature);

  void on_work_done(scheduling::WorkItem& item) noexcept override;
  Status prepare(InferenceCall& call);
  Status prepare_outputs(InferenceCall& call);
  Status take_outputs(InferenceCall& call);
  void infer_in_sequence(InferenceCall& call) noexcept;
  bool admitted(InferenceCall& call) noexcept;
  void convert(InferenceCall& call) noexcept;
  bool prepared(InferenceCall& call) noexcept;
  void finish(InferenceCall& call) noexcept;

  const LiveCount::Entry alive_;  // first, so that it ends last
  ServingContext& context_;
  const Duration default_timeout_;
  const std::shared_ptr<observability::ServableMetrics> metrics_;
  ServableMetadata metadata_;
  InputPorts inputs_;
  std::vector<OutputPort> outputs_;                     // in name order
  std::unique_ptr<SequenceManager> sequences_;          // null for models without state
  const std::shared_ptr<DeviceSupervisor> supervisor_;  // told by the scheduler, so it goes after it
  scheduling::Scheduler scheduler_;
};

}  // namespace ocelli::serving
