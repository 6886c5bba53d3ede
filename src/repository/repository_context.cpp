#include "repository/repository_context.hpp"

namespace ocelli::repository {

void RepositoryContext::publish(const std::string& name, Version version, std::shared_ptr<serving::Servable> servable) {
  const Catalog::Ticket ticket = next_ticket++;
  auto gone = [weak = std::weak_ptr<Catalog>(catalog), name, version, ticket] {
    if (const auto alive = weak.lock()) alive->ended(name, version, ticket);
  };
  catalog->publish(name, version, ticket, reaper->lease(std::move(servable), std::move(gone)));
}

observability::MetricsRegistry::Registration RepositoryContext::show(
    const serving::ServableMetadata& metadata, std::shared_ptr<const observability::ServableMetrics> counters) const {
  if (!metrics) return {};
  observability::ServableIdentity identity{metadata.name, metadata.version, metadata.pipeline, {}};
  if (metadata.devices) {
    identity.devices = [board = metadata.devices] {
      std::vector<observability::DeviceFact> facts;
      for (const auto& report : board->reports()) {
        facts.push_back({report.target, report.info.runtime, report.info.device, report.info.precision,
                         std::string(serving::device_state_name(report.state)), report.remark()});
      }
      return facts;
    };
  }
  return metrics->add(std::move(identity), std::move(counters));
}

Result<std::shared_ptr<serving::Servable>> ServableFactory::load_pipeline(const PipelineLoad& load) {
  return unimplemented("pipeline " + load.definition.name + ": this server has no pipelines");
}

}  // namespace ocelli::repository
