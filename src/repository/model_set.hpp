// ModelSet: the models that are loaded, and what has to happen so that they become those that are wanted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "observability/metrics_registry.hpp"
#include "repository/config_file.hpp"
#include "repository/repository_context.hpp"

namespace ocelli::repository {

// One version of a model, as far as it was loaded.
struct VersionSlot {
  bool serving = false;
  ModelConfig config;     // what serves now
  ModelConfig attempted;  // what was tried last
  std::shared_ptr<observability::ServableMetrics> metrics = std::make_shared<observability::ServableMetrics>();
  observability::MetricsRegistry::Registration registration;
  // What the folder looked like at the last attempt.
  std::uint64_t folder_stamp = 0;
  // Of the last attempt, when it failed: why, how often in a row, and when to try again.
  Status failure;
  std::uint32_t failures = 0;
  TimePoint retry_at{};
};

// How thorough a pass is.
struct PassRequest {
  // Try failed versions again at once.
  bool retry_all = false;
  // Load the versions of this model again if a file in their folders has changed; empty: no model. (Else changes inside
  // a version's folder go unnoticed, as in OVMS.)
  std::string recheck_files;
};

// Not thread-safe: one pass at a time.
class ModelSet {
 public:
  explicit ModelSet(RepositoryContext& context);
  ~ModelSet();

  // Loads what is new or changed, several at once, then retires what is not wanted any more. A version that failed is
  // tried again when its configuration or folder changed or its pause is over (a poll interval, doubled with each
  // failure up to 30 s). Versions that serve stay until all that are wanted instead do.
  PassOutcome update(const std::vector<ModelEntry>& wanted, const PassRequest& request);
  // Retires everything.
  void retire_all();

 private:
  using Versions = std::map<Version, VersionSlot>;
  struct Task {
    const ModelEntry* entry;
    const ModelConfig* config;
    Version version;
    std::filesystem::path path;
    VersionSlot* slot;
    Status status;
  };
  // The versions of one model that should serve.
  struct Selection {
    const ModelEntry* entry = nullptr;
    const ModelConfig* config = nullptr;
    Versions* slots = nullptr;
    std::map<Version, std::filesystem::path> found;
    std::vector<Version> versions;
  };

  void leave_out_empty(const std::string& name, const Versions& slots, std::map<Version, std::filesystem::path>& found);
  bool select(const ModelEntry& entry, Selection& selection, PassOutcome& outcome);
  void add_tasks(const Selection& selection, const PassRequest& request, std::vector<Task>& tasks);
  bool due(const Task& task, const PassRequest& request) const;
  void run(std::vector<Task>& tasks);
  static std::shared_ptr<serving::Servable> with_files(std::shared_ptr<serving::Servable> served,
                                                       const ModelEntry& entry);
  void load(Task& task);
  void load_version(Task& task);
  void settle(Task& task, const Status& status);
  void retire_replaced(const Selection& selection, PassOutcome& outcome);
  void retire(const std::string& name, Version version, const VersionSlot& slot);
  void report(const std::string& name, const Status& status);

  RepositoryContext& context_;
  std::map<std::string, Versions> models_;
  std::map<std::string, std::set<Version>> empty_;  // version folders without a model, by the model's name
};

}  // namespace ocelli::repository
