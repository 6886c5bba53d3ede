#include "repository/model_repository.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <map>
#include <mutex>
#include <set>

#include "repository/load_override.hpp"
#include "repository/load_waiters.hpp"
#include "repository/model_set.hpp"
#include "repository/pipeline_set.hpp"
#include "repository/repository_context.hpp"
#include "repository/sent_folder.hpp"
#include "repository/wanted_models.hpp"
#include "repository/watcher.hpp"

namespace ocelli::repository {
namespace {

constexpr const char* kManagerChannel = "modelmanager";
// How long a reload or unload waits for requests in flight on what it has retired. They may well take longer; the state
// says so then.
constexpr std::chrono::seconds kRetireWait{2};

RepositoryContext make_context(RepositoryOptions options, std::shared_ptr<ServableFactory> factory, const Log& log,
                               std::shared_ptr<observability::MetricsRegistry> metrics) {
  const Log channel = log.channel(kManagerChannel);
  return {std::move(options),
          std::move(factory),
          std::move(metrics),
          channel,
          std::make_shared<Catalog>(channel),
          Reaper::create(),
          {1},
          {false}};
}

}  // namespace

class ModelRepository::Impl {
 public:
  Impl(RepositoryOptions options, std::shared_ptr<ServableFactory> factory, const Log& log,
       std::shared_ptr<observability::MetricsRegistry> metrics)
      : context_(make_context(std::move(options), std::move(factory), log, std::move(metrics))),
        waiters_(std::make_shared<LoadWaiters>(*context_.catalog)),
        wanted_(context_.options, context_.log),
        models_(context_),
        pipelines_(context_) {
    // The catalog may outlive this object, with requests that hold a servable.
    context_.catalog->on_change([waiters = std::weak_ptr<LoadWaiters>(waiters_), changes = changes_] {
      if (const auto alive = waiters.lock()) alive->notify();
      changes->notify();
    });
  }

  Status start() {
    const std::lock_guard pass(pass_mutex_);
    if (!context_.options.cache_dir.empty())
      context_.log.info("Model cache is enabled: {}", context_.options.cache_dir);
    if (context_.options.explicit_control) {
      if (const auto removed = SentFolder::remove_left_behind(); removed > 0)
        context_.log.info("Deleted the files of {} models that were sent to a server that was killed", removed);
    }
    if (auto read = wanted_.refresh(true); !read.failure.ok()) return read.failure;
    choose_at_start();
    const PassOutcome outcome = update({});
    if (context_.stopping) return unavailable("stopped while the models were loading");
    if (Status status = check_single_models(outcome); !status.ok()) return status;
    ready_ = true;
    changes_->notify();
    watcher_ = std::make_unique<Watcher>(context_.options.poll_interval, [this] { look(); });
    context_.log.info("Started model manager thread");
    return {};
  }

  void stop(std::chrono::milliseconds limit) {
    context_.stopping = true;
    const std::lock_guard stopping(stop_mutex_);
    if (stopped_) return;
    stopped_ = true;
    {
      const std::lock_guard pass(pass_mutex_);  // a pass ends soon, with the model that it is loading
    }
    if (watcher_) watcher_->stop();
    waiters_->close();
    const std::lock_guard pass(pass_mutex_);
    pipelines_.retire_all();
    models_.retire_all();
    if (!context_.catalog->wait_until_ended(limit))
      context_.log.warning("Requests were still running after {} ms", limit.count());
    context_.reaper->close();
  }

  Result<serving::ReloadOutcome> reload() {
    const auto pass = hurried_pass();
    if (context_.stopping) return unavailable("Server is not ready");
    const auto read = wanted_.refresh(true);
    if (!read.failure.ok()) return config_failure(read.failure);
    const PassOutcome outcome = update({true, {}});
    context_.catalog->wait_until_ended(kRetireWait);
    // As OVMS: whatever is asked for and cannot be loaded makes the reload fail, every time that it is tried.
    if (!outcome.failure.ok()) {
      log_failures(outcome.failure);
      return internal_error(fmt::format("Reloading {} failed. Check server logs for more info.",
                                        read.changed ? "config file" : "models versions"));
    }
    return read.changed || outcome.changed ? serving::ReloadOutcome::kReloaded : serving::ReloadOutcome::kUnchanged;
  }

  Status load(std::string_view name, const serving::SentModel& sent) {
    const std::string key(name);
    auto made = prepare_load(key, sent);
    if (!made.ok()) return made.status();
    std::optional<ModelEntry> before = std::move(*made);
    // Gigabytes may come, and they come only for what is right so far; others need not wait for them.
    if (!sent.files.empty()) {
      auto folder = SentFolder::write(sent.files);
      if (!folder.ok()) return folder.status();
      before->sent = std::move(*folder);
      before->config.base_path = before->sent->path().string();
    }
    const std::lock_guard pass(pass_mutex_);
    if (Status status = check_control(); !status.ok()) return status;
    if (Status status = check_no_pipeline(key); !status.ok()) return status;  // it may be one since
    const bool was_loaded = !loaded_.insert(key).second;
    swap_override(key, before);
    update({true, key});
    context_.catalog->wait_until_ended(kRetireWait);
    Status result = load_result(key);
    if (!result.ok() && !sent.files.empty()) {
      // Files that cannot be used are not kept to be tried again.
      swap_override(key, before);
      if (!was_loaded) loaded_.erase(key);
      update({});
    }
    return result;
  }

  Status unload(std::string_view name) {
    const auto pass = hurried_pass();
    if (Status status = check_control(); !status.ok()) return status;
    if (is_pipeline(name))
      return invalid_argument(fmt::format("{} is a pipeline, which is loaded as the configuration says", name));
    // As Triton: what is not there is unloaded.
    const std::string key(name);
    const bool overridden = overrides_.erase(key) != 0;
    const bool chosen = loaded_.erase(key) != 0;  // also when it is not configured now: it may be again
    if (!entry_of(name) && !overridden && !chosen) return {};
    update({});
    context_.catalog->wait_until_ended(kRetireWait);
    return {};
  }

  [[nodiscard]] const RepositoryOptions& options() const noexcept { return context_.options; }
  [[nodiscard]] const Catalog& catalog() const noexcept { return *context_.catalog; }
  [[nodiscard]] LoadWaiters& waiters() noexcept { return *waiters_; }
  [[nodiscard]] bool ready() const noexcept { return ready_; }
  [[nodiscard]] ChangeNotifier& changes() noexcept { return *changes_; }

 private:
  // For what may free the memory that a load under way waits for.
  std::unique_lock<std::mutex> hurried_pass() {
    context_.factory->hurry(true);
    std::unique_lock pass(pass_mutex_);
    context_.factory->hurry(false);
    return pass;
  }

  // The watcher's pass.
  void look() {
    const std::lock_guard pass(pass_mutex_);
    if (context_.stopping) return;
    try {
      wanted_.refresh(false);
      update({});
    } catch (const std::exception& failure) {  // memory that may be there the next time
      context_.log.error("Looking for changed models failed: {}", failure.what());
    }
  }

  // Explicit control: what the command line wants from the start.
  void choose_at_start() {
    for (const auto& name : context_.options.load_at_start) {
      if (name == "*") {
        for (const auto& entry : wanted_.models()) loaded_.insert(entry.config.name);
      } else if (entry_of(name)) {
        loaded_.insert(name);
      } else {
        context_.log.error("Model {} is to be loaded at the start, but it is not in the configuration", name);
      }
    }
  }

  // With pass_mutex_ held.
  PassOutcome update(const PassRequest& request) {
    const std::vector<ModelEntry> chosen = chosen_models();
    const std::vector<PipelineEntry> wanted_now = wanted_pipelines();
    pipelines_.give_way(chosen);
    pipelines_.announce(wanted_now);
    PassOutcome outcome = models_.update(chosen, request);
    if (context_.stopping) return outcome;
    const PassOutcome pipelines = pipelines_.update(wanted_now, chosen);
    outcome.changed = outcome.changed || pipelines.changed;
    outcome.fail(pipelines.failure);
    std::set<std::string, std::less<>> names;
    for (const auto& entry : wanted_.models()) names.insert(entry.config.name);
    for (const auto& entry : chosen) names.insert(entry.config.name);  // also what came with a request
    for (const auto& entry : wanted_.pipelines()) names.insert(entry.definition.name);
    context_.catalog->keep(names);
    return outcome;
  }

  // A pipeline cannot take the name of a model that came with files: it is refused until that is unloaded.
  std::vector<PipelineEntry> wanted_pipelines() {
    std::vector<PipelineEntry> pipelines = wanted_.pipelines();
    std::set<std::string, std::less<>> refused;
    for (auto& entry : pipelines) {
      const std::string& name = entry.definition.name;
      if (!came_with_files(name)) continue;
      entry.status = {StatusCode::kAlreadyExists,
                      fmt::format("pipeline {}: the name is taken by a model that came with a load request", name)};
      if (!refused_.contains(name)) context_.log.error("{}", entry.status.message());
      refused.insert(name);
    }
    refused_ = std::move(refused);
    return pipelines;
  }

  // What a request to load wants instead of the configuration, but for the files that it brings; empty: the
  // configuration itself.
  Result<std::optional<ModelEntry>> prepare_load(const std::string& name, const serving::SentModel& sent) {
    const std::lock_guard pass(pass_mutex_);
    if (Status status = check_control(); !status.ok()) return status;
    if (auto read = wanted_.refresh(true); !read.failure.ok()) return read.failure;
    return override_of(name, sent);
  }

  [[nodiscard]] Status check_no_pipeline(const std::string& name) const {
    return is_pipeline(name) ? invalid_argument(fmt::format("'{}' is the name of a pipeline", name)) : Status();
  }

  Result<std::optional<ModelEntry>> override_of(const std::string& name, const serving::SentModel& sent) {
    const ModelEntry* entry = entry_of(name);
    if (!entry && sent.files.empty())
      return not_found(fmt::format("failed to load '{}', it is not in the configuration", name));
    if (Status status = check_no_pipeline(name); !status.ok()) return status;
    if (sent.config.empty() && !sent.files.empty())
      return invalid_argument("config: expected beside the files of a model, \"{}\" at least");
    if (sent.config.empty()) return std::optional<ModelEntry>();
    auto made = load_override(name, entry, sent, context_.log);
    return made.ok() ? Result(std::optional(std::move(*made))) : made.status();
  }

  void swap_override(const std::string& name, std::optional<ModelEntry>& other) {
    std::optional<ModelEntry> now;
    if (const auto found = overrides_.find(name); found != overrides_.end()) {
      now = std::move(found->second);
      overrides_.erase(found);
    }
    if (other) overrides_[name] = std::move(*other);
    other = std::move(now);
  }

  // What is to be loaded now.
  std::vector<ModelEntry> chosen_models() {
    if (!context_.options.explicit_control) return wanted_.models();
    std::vector<ModelEntry> chosen;
    for (const auto& entry : wanted_.models()) {
      context_.catalog->add(entry.config.name);
      if (!loaded_.contains(entry.config.name)) continue;
      const auto overridden = overrides_.find(entry.config.name);
      // An entry with a name that is taken stays refused.
      const bool same = overridden == overrides_.end() || entry.status.code() == StatusCode::kAlreadyExists;
      chosen.push_back(same ? entry : overridden->second);
    }
    // Models that are not in the configuration at all.
    for (const auto& [name, entry] : overrides_) {
      if (came_with_files(name)) chosen.push_back(entry);
    }
    return chosen;
  }

  // Single-model mode without a model to serve is no server.
  Status check_single_models(const PassOutcome& outcome) const {
    if (!context_.options.config_path.empty() || context_.options.explicit_control) return {};
    for (const auto& entry : wanted_.models()) {
      if (context_.catalog->available(entry.config.name)) continue;
      if (!outcome.failure.ok()) return outcome.failure;
      const auto status = context_.catalog->status(entry.config.name, std::nullopt);
      return not_found(fmt::format("model {} has no version to serve{}", entry.config.name,
                                   status.ok() ? ": " + status->problem : ""));
    }
    return {};
  }

  [[nodiscard]] Status check_control() const {
    if (context_.stopping) return unavailable("Server is not ready");
    if (context_.options.explicit_control) return {};
    return unavailable(
        "explicit model load / unload is not allowed unless the server is started with --model_control_mode explicit");
  }

  // What the reply to a reload sends its reader to the log for. A pass itself tells a failure only when it is new.
  void log_failures(const Status& first) const {
    context_.log.error("Reloading failed: {}", first.message());
    for (const auto& model : context_.catalog->all_statuses()) {
      if (!model.problem.empty()) context_.log.error("Model {} cannot be loaded: {}", model.name, model.problem);
      for (const auto& version : model.versions) {
        if (version.reason.empty()) continue;
        context_.log.error("Model {} version {} cannot be loaded: {}", model.name, version.version, version.reason);
      }
    }
  }

  static Status config_failure(const Status& failure) {
    if (failure.code() == StatusCode::kInternal) return internal_error("Config file not found or cannot open.");
    return {failure.code(), "Reloading config file failed. Check server logs for more info."};
  }

  [[nodiscard]] const ModelEntry* entry_of(std::string_view name) const {
    const auto& models = wanted_.models();
    const auto found =
        std::find_if(models.begin(), models.end(), [&](const ModelEntry& entry) { return entry.config.name == name; });
    return found == models.end() ? nullptr : &*found;
  }

  // Whether it is a model that only a request knows.
  [[nodiscard]] bool came_with_files(std::string_view name) const {
    const auto found = overrides_.find(name);
    return found != overrides_.end() && found->second.sent && !entry_of(name);
  }

  [[nodiscard]] bool is_pipeline(std::string_view name) const {
    const auto& pipelines = wanted_.pipelines();
    // One whose name a model has already is none.
    return !came_with_files(name) && std::any_of(pipelines.begin(), pipelines.end(), [&](const PipelineEntry& entry) {
      return entry.definition.name == name && entry.status.code() != StatusCode::kAlreadyExists;
    });
  }

  // Whether the model serves as it was asked for.
  Status load_result(const std::string& name) const {
    const auto status = context_.catalog->status(name, std::nullopt);
    if (!status.ok()) return status.status();
    std::string reason = status->problem;
    bool available = false;
    for (const auto& version : status->versions) {
      available = available || version.state == serving::VersionState::kAvailable;
      if (!version.reason.empty()) reason = fmt::format("version {}: {}", version.version, version.reason);
    }
    if (available && reason.empty()) return {};
    return failed_precondition(
        fmt::format("failed to load '{}', {}", name, reason.empty() ? "no version is available" : reason));
  }

  RepositoryContext context_;
  std::shared_ptr<LoadWaiters> waiters_;
  const std::shared_ptr<ChangeNotifier> changes_ = std::make_shared<ChangeNotifier>();
  std::mutex pass_mutex_;  // one pass at a time; guards what follows
  WantedModels wanted_;
  ModelSet models_;
  PipelineSet pipelines_;
  std::set<std::string, std::less<>> loaded_;                 // explicit control: what is to be loaded
  std::map<std::string, ModelEntry, std::less<>> overrides_;  // explicit control: instead of the configuration
  std::set<std::string, std::less<>> refused_;                // pipelines without a name of their own, which were told
  std::unique_ptr<Watcher> watcher_;
  std::atomic<bool> ready_{false};
  std::mutex stop_mutex_;
  bool stopped_ = false;
};

ModelRepository::ModelRepository(RepositoryOptions options, std::shared_ptr<ServableFactory> factory, const Log& log,
                                 std::shared_ptr<observability::MetricsRegistry> metrics)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(factory), log, std::move(metrics))) {}

ModelRepository::~ModelRepository() { stop(); }

Status ModelRepository::start() { return impl_->start(); }
void ModelRepository::stop(std::chrono::milliseconds limit) { impl_->stop(limit); }

Result<serving::ServableHandle> ModelRepository::find(std::string_view name, std::optional<Version> version) {
  auto found = impl_->catalog().find(name, version);
  if (found.handle) return std::move(found.handle);
  return Catalog::miss_status(found.miss);
}

void ModelRepository::find_when_loaded(std::string_view name, std::optional<Version> version, TimePoint since,
                                       std::function<void(Result<serving::ServableHandle>)> done) {
  impl_->waiters().find(name, version, since + impl_->options().load_wait, std::move(done));
}

Result<serving::ModelStatus> ModelRepository::status(std::string_view name, std::optional<Version> version) {
  return impl_->catalog().status(name, version);
}

std::vector<serving::ModelStatus> ModelRepository::all_statuses() { return impl_->catalog().all_statuses(); }
bool ModelRepository::ready() const noexcept { return impl_->ready(); }
ChangeNotifier& ModelRepository::changes() noexcept { return impl_->changes(); }
Result<serving::ReloadOutcome> ModelRepository::reload() { return impl_->reload(); }
Status ModelRepository::load(std::string_view name, const serving::SentModel& sent) { return impl_->load(name, sent); }
Status ModelRepository::unload(std::string_view name) { return impl_->unload(name); }

}  // namespace ocelli::repository
