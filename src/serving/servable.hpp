// Servable: one version of a model, or a pipeline of models, that answers calls.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "observability/servable_metrics.hpp"
#include "runtime/compile_options.hpp"
#include "runtime/compiled_model.hpp"
#include "runtime/model_signature.hpp"
#include "serving/device_board.hpp"
#include "serving/inference_call.hpp"

namespace ocelli::serving {

// What metadata requests answer. Inputs and outputs are in name order, under the names that clients use
// (mapping_config.json applied).
struct ServableMetadata {
  std::string name;
  std::int64_t version = 1;
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
  // What clients are told while no device has shown which runtime computes, and of a pipeline.
  std::string platform = "OpenVINO";
  // Where it really runs, now and later: the board is kept up to date. Null for a pipeline.
  std::shared_ptr<const DeviceBoard> devices;

  // What is on the board now; empty without one.
  [[nodiscard]] std::vector<DeviceReport> device_reports() const {
    return devices ? devices->reports() : std::vector<DeviceReport>();
  }
  // KServe's "platform": the runtimes that compute the model now (ExecutionInfo::runtime, without a remark in
  // parentheses), each once, with ", " between; those that did last, when no device serves.
  [[nodiscard]] std::string computing_platform() const;
  // OK while a device serves, or will when a request comes. kUnavailable with the reasons when all are lost or have
  // failed: requests are refused until one is back. OK without a board.
  [[nodiscard]] Status device_status() const;
  // The IR's model_info section, flattened with '.'; usually empty.
  std::map<std::string, std::string> model_info;
  bool stateful = false;
  bool automatic = false;  // compiled anew for requests of other shapes
  bool pipeline = false;
};

// Thread-safe. infer() never blocks on the model: it validates, queues or starts, and returns. Each call is completed
// exactly once.
class Servable {
 public:
  virtual ~Servable() = default;
  // Names, types and all that calls are read and answered by, which stay as they are. So do the shapes here, also where
  // they follow the requests.
  [[nodiscard]] virtual const ServableMetadata& metadata() const noexcept = 0;
  // What is loaded now, to be shown to people: metadata() with the shapes and devices of the latest compilation. Throws
  // std::bad_alloc.
  [[nodiscard]] virtual ServableMetadata current_metadata() const { return metadata(); }
  // Counters of this version; protocols report finished requests to it.
  [[nodiscard]] virtual observability::ServableMetrics& metrics() noexcept = 0;
  // call.servable must hold this object; call.completion must be set. A request that is wrong completes at once with
  // kInvalidArgument.
  virtual void infer(InferenceCall& call) noexcept = 0;
  // The client went away: a queued call completes with kCancelled, a running one is asked to stop. The call still
  // completes exactly once. May overlap the call's completion: the caller neither reuses nor destroys the call before
  // cancel() has returned, even if it completed meanwhile.
  virtual void cancel(InferenceCall& call) noexcept = 0;
  // What computes on the first device that serves, to be measured beside the queue: one and the same compiled model,
  // because two differ by some percent with the placement of their memory. Requests of it are made only while no call
  // runs, and end before the servable does. Null: no device serves, or this is a pipeline.
  [[nodiscard]] virtual std::shared_ptr<CompiledModel> compiled_model() const { return nullptr; }
};

}  // namespace ocelli::serving
