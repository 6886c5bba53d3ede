// ServableFactory: how the repository turns files into servables, without knowing runtimes, schedulers or sockets.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/status.hpp"
#include "observability/servable_metrics.hpp"
#include "repository/model_config.hpp"
#include "repository/name_mapping.hpp"
#include "runtime/compile_options.hpp"
#include "runtime/model_source.hpp"
#include "serving/pipeline_definition.hpp"
#include "serving/servable.hpp"

namespace ocelli::repository {

// One version of a model to make ready.
struct ModelLoad {
  ModelConfig config;
  Version version = 1;
  ModelSource source;
  NameMapping mapping;
  // Everything but the device, which the plan for config.target_device decides. Shapes are keyed by the model's own
  // input names.
  CompileOptions options;
  // Of this name and version; survives reloads.
  std::shared_ptr<observability::ServableMetrics> metrics;
};

// A pipeline to put together from models that are loaded.
struct PipelineLoad {
  serving::PipelineDefinition definition;
  // Finds the model of a node. Does not keep the repository alive: when that is gone it answers kUnavailable.
  std::function<Result<serving::ServableHandle>(const std::string& model, std::optional<Version> version)> resolve;
  // Of this pipeline; survives reloads.
  std::shared_ptr<observability::ServableMetrics> metrics;
};

// Thread-safe: several loads run at once. Implementers never throw.
class ServableFactory {
 public:
  virtual ~ServableFactory() = default;
  // Compiles and warms up; blocks until the servable can answer. Errors carry the sentence for the log and the
  // version's status; kFailedPrecondition when the device refuses the model, kInvalidArgument when a parameter does not
  // fit it, kNotFound when a file is gone, else kInternal.
  virtual Result<std::shared_ptr<serving::Servable>> load_model(const ModelLoad& load) = 0;
  // Checks the definition against the models as they are now. kUnimplemented in factories without pipelines.
  virtual Result<std::shared_ptr<serving::Servable>> load_pipeline(const PipelineLoad& load);
  // Between a call with true and one with false somebody waits for loads to end: none of them waits for what may come
  // later, such as memory, and those that do so give up. Calls may overlap.
  virtual void hurry(bool /*begins*/) noexcept {}
};

}  // namespace ocelli::repository
