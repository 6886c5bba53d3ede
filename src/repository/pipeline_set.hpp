// PipelineSet: the pipelines that are published, and what has to happen so that they become those that are wanted.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "observability/metrics_registry.hpp"
#include "repository/config_file.hpp"
#include "repository/repository_context.hpp"
#include "serving/pipeline_definition.hpp"

namespace ocelli::repository {

// Not thread-safe: one pass at a time, after that of the models. Pipelines are version 1 of their names in the catalog.
// One keeps the models that it was put together of, and goes on with them until update() has done so anew.
class PipelineSet {
 public:
  explicit PipelineSet(RepositoryContext& context) : context_(context) {}

  // Ends those whose names are models' from now on, so that what becomes of the name is for the models to say.
  void give_way(const std::vector<ModelEntry>& models);
  // Lists what is new as START, so that requests for it wait while its models load.
  void announce(const std::vector<PipelineEntry>& wanted);
  // Puts together what is new or changed, or whose models were replaced, and retires what is not wanted. A pipeline
  // that cannot be put together, because a model of it is not there or does not fit, is LOADING with an error until it
  // can. models are those of the configuration.
  PassOutcome update(const std::vector<PipelineEntry>& wanted, const std::vector<ModelEntry>& models);
  void retire_all();

 private:
  struct Slot {
    bool serving = false;
    // What was tried last, and the loadings that it was tried with; without a name: what is tried next is news.
    serving::PipelineDefinition definition;
    std::vector<Catalog::Ticket> models;
    std::string problem;  // of the last attempt
    std::shared_ptr<observability::ServableMetrics> metrics = std::make_shared<observability::ServableMetrics>();
    observability::MetricsRegistry::Registration registration;
  };

  // The loadings of the pipeline's models now; an error names the model that cannot be used, and why.
  Result<std::vector<Catalog::Ticket>> model_tickets(const serving::PipelineDefinition& definition,
                                                     const std::vector<ModelEntry>& models,
                                                     const std::vector<PipelineEntry>& pipelines) const;
  Status build(Slot& slot, const serving::PipelineDefinition& definition);
  void fail(Slot& slot, const std::string& name, const Status& status);
  void retire(const std::string& name, Slot& slot);

  RepositoryContext& context_;
  std::map<std::string, Slot> pipelines_;
};

}  // namespace ocelli::repository
