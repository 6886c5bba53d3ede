// PipelineServable: a pipeline of models that answers like one model (spec 2.11).
#pragma once

#include <memory>
#include <mutex>

#include "serving/pipeline_definition.hpp"
#include "serving/pipeline_graph.hpp"
#include "serving/request_ports.hpp"
#include "serving/servable.hpp"
#include "serving/serving_context.hpp"

namespace ocelli::serving {

class PipelineRun;

// Thread-safe. Metadata shows version 1. Every request goes through the models that were there when the pipeline was
// made, which it keeps loaded; a reload of one needs the pipeline to be made again.
class PipelineServable final : public Servable {
 public:
  // metrics: survives reloads when the repository passes the same object; made here when null. context must outlive
  // the servable. Errors: those of make_pipeline_graph.
  static Result<std::shared_ptr<PipelineServable>> create(
      const PipelineDefinition& definition, const ServableResolver& resolve, ServingContext& context,
      std::shared_ptr<observability::ServableMetrics> metrics = nullptr);

  [[nodiscard]] const ServableMetadata& metadata() const noexcept override { return metadata_; }
  [[nodiscard]] observability::ServableMetrics& metrics() noexcept override { return *metrics_; }
  void infer(InferenceCall& call) noexcept override;
  void cancel(InferenceCall& call) noexcept override;

 private:
  PipelineServable(PipelineGraph graph, const PipelineDefinition& definition, ServingContext& context,
                   std::shared_ptr<observability::ServableMetrics> metrics);
  void prepare_and_run(InferenceCall& call) noexcept;
  Status run(InferenceCall& call);
  Status take_results(InferenceCall& call, std::vector<Tensor>& results);
  void finish(InferenceCall& call) noexcept;

  const LiveCount::Entry alive_;  // first, so that it ends last
  const PipelineGraph graph_;
  ServingContext& context_;
  const std::shared_ptr<observability::ServableMetrics> metrics_;
  ServableMetadata metadata_;
  InputPorts inputs_;
  std::mutex mutex_;  // guards servable_state of the calls, which points to their runs
};

}  // namespace ocelli::serving
