#include "repository/pipeline_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace ocelli::repository {
namespace {

using serving::VersionState;

// Pipelines are unversioned; this is what statuses and metadata show.
constexpr Version kPipelineVersion = 1;

}  // namespace

void PipelineSet::give_way(const std::vector<ModelEntry>& models) {
  for (const auto& entry : models) {
    const auto pipeline = pipelines_.find(entry.config.name);
    if (pipeline == pipelines_.end() || entry.status.code() == StatusCode::kAlreadyExists) continue;
    retire(pipeline->first, pipeline->second);
    pipelines_.erase(pipeline);
  }
}

void PipelineSet::announce(const std::vector<PipelineEntry>& wanted) {
  for (const auto& entry : wanted) {
    const auto& name = entry.definition.name;
    if (!entry.status.ok() || pipelines_.contains(name)) continue;
    // A model of that name may be there, which goes in the pass that has begun.
    const auto known = context_.catalog->status(name, std::nullopt);
    if (!known.ok()) context_.catalog->set_state(name, kPipelineVersion, VersionState::kStart);
  }
}

PassOutcome PipelineSet::update(const std::vector<PipelineEntry>& wanted, const std::vector<ModelEntry>& models) {
  PassOutcome outcome;
  std::set<std::string> names;
  for (const auto& entry : wanted) {
    const auto& definition = entry.definition;
    if (entry.status.code() == StatusCode::kAlreadyExists) {
      outcome.fail(entry.status);
      continue;
    }
    names.insert(definition.name);
    Slot& slot = pipelines_[definition.name];
    const Result<std::vector<Catalog::Ticket>> tickets =
        entry.status.ok() ? model_tickets(definition, models, wanted) : entry.status;
    const bool same = tickets.ok() && slot.definition == definition && slot.models == *tickets;
    if (same && (slot.serving || !slot.problem.empty())) {
      if (!slot.serving) outcome.fail(failed_precondition(slot.problem));
      continue;
    }
    slot.definition = tickets.ok() ? definition : serving::PipelineDefinition();
    slot.models = tickets.ok() ? *tickets : std::vector<Catalog::Ticket>();
    const Status status = tickets.ok() ? build(slot, definition) : tickets.status();
    if (status.ok()) {
      outcome.changed = true;
    } else {
      outcome.changed = outcome.changed || slot.serving;
      outcome.fail(status);
      fail(slot, definition.name, status);
    }
  }
  for (auto pipeline = pipelines_.begin(); pipeline != pipelines_.end();) {
    const auto here = pipeline++;
    if (names.contains(here->first)) continue;
    retire(here->first, here->second);
    outcome.changed = true;
    pipelines_.erase(here);
  }
  return outcome;
}

Result<std::vector<Catalog::Ticket>> PipelineSet::model_tickets(const serving::PipelineDefinition& definition,
                                                                const std::vector<ModelEntry>& models,
                                                                const std::vector<PipelineEntry>& pipelines) const {
  std::vector<Catalog::Ticket> tickets;
  for (const auto& node : definition.nodes) {
    const auto model = std::find_if(models.begin(), models.end(),
                                    [&](const ModelEntry& entry) { return entry.config.name == node.model; });
    // Other pipelines have names in the catalog too, but are no models.
    const auto is_meant = [&](const PipelineEntry& entry) { return entry.definition.name == node.model; };
    if (model == models.end() && std::ranges::any_of(pipelines, is_meant)) {
      return invalid_argument(fmt::format("node {}: {} is a pipeline; a node runs a model", node.name, node.model));
    }
    if (model == models.end()) return not_found(fmt::format("node {}: there is no model {}", node.name, node.model));
    const auto found = context_.catalog->find(node.model, node.version);
    // As it is loaded: a change of the configuration may have been refused.
    const bool automatic = found.handle ? found.handle->metadata().automatic : model->config.automatic();
    if (automatic) {
      return invalid_argument(fmt::format("node {}: model {} has batch_size or shape auto, which a pipeline cannot use",
                                          node.name, node.model));
    }
    const bool stateful = found.handle ? found.handle->metadata().stateful : model->config.stateful.enabled;
    if (stateful) {
      return invalid_argument(
          fmt::format("node {}: model {} is stateful, which a pipeline cannot use", node.name, node.model));
    }
    const auto ticket = context_.catalog->ticket(node.model, node.version);
    if (!ticket) {
      const auto version = node.version ? fmt::format(" version {}", *node.version) : "";
      return unavailable(fmt::format("node {}: model {}{} is not available", node.name, node.model, version));
    }
    tickets.push_back(*ticket);
  }
  return tickets;
}

Status PipelineSet::build(Slot& slot, const serving::PipelineDefinition& definition) {
  if (!slot.serving) context_.catalog->set_state(definition.name, kPipelineVersion, VersionState::kLoading);
  PipelineLoad load;
  load.definition = definition;
  load.metrics = slot.metrics;
  load.resolve = [weak = std::weak_ptr<Catalog>(context_.catalog)](
                     const std::string& model, std::optional<Version> version) -> Result<serving::ServableHandle> {
    const auto catalog = weak.lock();
    if (!catalog) return unavailable("Server is not ready");
    auto found = catalog->find(model, version);
    if (!found.handle) return Catalog::miss_status(found.miss);
    return std::move(found.handle);
  };
  auto servable = context_.factory->load_pipeline(load);
  if (!servable.ok()) return servable.status();
  slot.registration = {};
  slot.registration = context_.show((*servable)->metadata(), slot.metrics);
  context_.publish(definition.name, kPipelineVersion, std::move(servable).value());
  context_.log.info("Pipeline {} is ready", definition.name);
  slot.serving = true;
  slot.problem.clear();
  return {};
}

void PipelineSet::fail(Slot& slot, const std::string& name, const Status& status) {
  if (slot.problem != status.message()) context_.log.error("Pipeline {} cannot be used: {}", name, status.message());
  slot.problem = status.message();
  slot.serving = false;
  context_.catalog->set_state(name, kPipelineVersion, VersionState::kLoading, failed_precondition(slot.problem));
}

void PipelineSet::retire(const std::string& name, Slot& slot) {
  if (slot.serving) {
    context_.catalog->retire(name, kPipelineVersion);
  } else {
    context_.catalog->set_state(name, kPipelineVersion, VersionState::kEnd);
  }
}

void PipelineSet::retire_all() {
  for (auto& [name, slot] : pipelines_) retire(name, slot);
  pipelines_.clear();
}

}  // namespace ocelli::repository
