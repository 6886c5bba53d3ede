// ModelRepository: the models and pipelines of this server, their versions and states, and how they come and go while
// requests run.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "base/status.hpp"
#include "observability/metrics_registry.hpp"
#include "repository/repository_options.hpp"
#include "repository/servable_factory.hpp"
#include "serving/model_catalog.hpp"

namespace ocelli::repository {

// Thread-safe. One pass over the configuration loads new versions, replaces changed ones and retires the rest, in this
// order, so that a model that answered before the pass answers throughout it; a version is published only when it is
// whole. A failed load leaves what served before and is tried again in the next pass.
class ModelRepository final : public serving::ModelCatalog {
 public:
  // metrics, when not null, shows the counters of every version from its first loading to its end.
  ModelRepository(RepositoryOptions options, std::shared_ptr<ServableFactory> factory, const Log& log,
                  std::shared_ptr<observability::MetricsRegistry> metrics = nullptr);
  ~ModelRepository() override;  // stop()

  // The first pass, then the watcher. Blocks until the pass is over. Errors: config mode: the file is unreadable or not
  // valid; single-model mode: also when a model has no version that loads. After an error only stop() and destruction
  // make sense. Call once.
  Status start();
  // Ends the watcher, answers all waiting finds, unpublishes everything and waits until it is destroyed or `limit` is
  // over. Idempotent.
  void stop(std::chrono::milliseconds limit = std::chrono::seconds(10));

  Result<serving::ServableHandle> find(std::string_view name, std::optional<Version> version) override;
  void find_when_loaded(std::string_view name, std::optional<Version> version, TimePoint since,
                        std::function<void(Result<serving::ServableHandle>)> done) override;
  Result<serving::ModelStatus> status(std::string_view name, std::optional<Version> version) override;
  std::vector<serving::ModelStatus> all_statuses() override;
  [[nodiscard]] bool ready() const noexcept override;
  [[nodiscard]] ChangeNotifier& changes() noexcept override;
  Result<serving::ReloadOutcome> reload() override;
  // Only with RepositoryOptions::explicit_control, else kUnavailable. What sent says holds until the model is loaded
  // again or unloaded. Its files are written without holding up other calls.
  Status load(std::string_view name, const serving::SentModel& sent) override;
  Status unload(std::string_view name) override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ocelli::repository
