// RepositoryContext: what all parts of one repository share.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/log.hpp"
#include "base/status.hpp"
#include "observability/metrics_registry.hpp"
#include "repository/catalog.hpp"
#include "repository/reaper.hpp"
#include "repository/repository_options.hpp"
#include "repository/servable_factory.hpp"

namespace ocelli::repository {

// A plain bundle; everything in it is thread-safe.
struct RepositoryContext {
  RepositoryOptions options;
  std::shared_ptr<ServableFactory> factory;
  std::shared_ptr<observability::MetricsRegistry> metrics;  // may be null
  Log log;
  std::shared_ptr<Catalog> catalog;
  std::shared_ptr<Reaper> reaper;
  std::atomic<Catalog::Ticket> next_ticket{1};
  std::atomic<bool> stopping{false};

  // Gives the servable to the requests as this version, and sees to its end.
  void publish(const std::string& name, Version version, std::shared_ptr<serving::Servable> servable);
  // A place on the metrics page; an empty one without a page.
  observability::MetricsRegistry::Registration show(
      const serving::ServableMetadata& metadata, std::shared_ptr<const observability::ServableMetrics> counters) const;
};

// What one pass has done.
struct PassOutcome {
  bool changed = false;  // something was loaded, replaced or retired
  Status failure;        // the first one
  void fail(const Status& status) {
    if (failure.ok()) failure = status;
  }
};

}  // namespace ocelli::repository
