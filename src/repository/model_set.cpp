#include "repository/model_set.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <set>
#include <thread>

#include "repository/expected_tensors.hpp"
#include "repository/load_request.hpp"
#include "repository/loaded_model_log.hpp"
#include "repository/model_folder.hpp"
#include "repository/requested_shapes.hpp"
#include "repository/reshaping_servable.hpp"

namespace ocelli::repository {
namespace {

using serving::VersionState;

constexpr std::chrono::seconds kLongestPause{30};

// Whether a change from one to the other needs loading again; which versions are served does not.
bool same_load(const ModelConfig& a, ModelConfig b) {
  b.version_policy = a.version_policy;
  return a == b;
}

// Changes when a file in the folder is added, removed, written or replaced.
std::uint64_t stamp_of(const std::filesystem::path& path) {
  std::uint64_t stamp = 14695981039346656037ULL;  // FNV-1a
  const auto mix = [&stamp](std::uint64_t value) { stamp = (stamp ^ value) * 1099511628211ULL; };
  const auto mix_file = [&](const std::filesystem::path& file) {
    std::error_code error;
    mix(std::hash<std::string>()(file.string()));
    mix(static_cast<std::uint64_t>(std::filesystem::last_write_time(file, error).time_since_epoch().count()));
    mix(static_cast<std::uint64_t>(std::filesystem::file_size(file, error)));
  };
  mix_file(path);
  std::error_code error;
  std::filesystem::directory_iterator it(path, error);
  // The order in which a folder lists its files holds as long as nothing changes.
  for (const std::filesystem::directory_iterator end; !error && it != end; it.increment(error)) mix_file(it->path());
  return stamp;
}

std::size_t thread_count(const RepositoryOptions& options, std::size_t tasks) {
  const std::size_t wanted =
      options.load_threads != 0 ? options.load_threads : std::max(1U, std::thread::hardware_concurrency() / 2);
  return std::min({wanted, tasks, std::size_t{64}});
}

}  // namespace

ModelSet::ModelSet(RepositoryContext& context) : context_(context) {}
ModelSet::~ModelSet() = default;

PassOutcome ModelSet::update(const std::vector<ModelEntry>& wanted, const PassRequest& request) {
  PassOutcome outcome;
  std::vector<Selection> selections;
  std::vector<Task> tasks;
  std::set<std::string> names;
  for (const auto& entry : wanted) {
    names.insert(entry.config.name);
    Selection selection;
    if (!select(entry, selection, outcome)) continue;
    add_tasks(selection, request, tasks);
    selections.push_back(std::move(selection));
  }
  run(tasks);
  for (const auto& task : tasks) {
    if (task.status.ok()) {
      outcome.changed = true;
    } else {
      outcome.fail(task.status);
    }
  }
  if (context_.stopping) return outcome;
  for (const auto& selection : selections) retire_replaced(selection, outcome);
  for (auto model = models_.begin(); model != models_.end();) {
    const auto here = model++;
    if (names.contains(here->first)) continue;
    for (const auto& [version, slot] : here->second) retire(here->first, version, slot);
    context_.catalog->set_problem(here->first, "");
    empty_.erase(here->first);
    outcome.changed = true;
    models_.erase(here);
  }
  return outcome;
}

// Tells what hinders the model as a whole, in the log and in the catalog; OK: nothing does.
void ModelSet::report(const std::string& name, const Status& status) {
  const bool news = context_.catalog->set_problem(name, std::string(status.message()));
  if (news && !status.ok()) context_.log.error("Model {} cannot be loaded: {}", name, status.message());
}

// A folder that holds no model yet, because somebody is copying it, does not take the place of one that does.
void ModelSet::leave_out_empty(const std::string& name, const Versions& slots,
                               std::map<Version, std::filesystem::path>& found) {
  std::set<Version> empty;
  for (const auto& [version, path] : found) {
    const auto slot = slots.find(version);
    const bool serves = slot != slots.end() && slot->second.serving;  // and goes on with what it has
    if (!serves && !model_file(path) && !find_model_file(path).ok()) empty.insert(version);
  }
  // Where there is nothing else its absence is what there is to tell.
  if (empty.size() == found.size()) empty.clear();
  auto& known = empty_[name];
  for (const Version version : empty) {
    if (!known.contains(version))
      context_.log.warning("Model {} version {}: no model in {} yet; it is not served", name, version,
                           found.at(version).string());
    found.erase(version);
  }
  known = std::move(empty);
}

bool ModelSet::select(const ModelEntry& entry, Selection& selection, PassOutcome& outcome) {
  const ModelConfig& config = entry.config;
  if (entry.status.code() == StatusCode::kAlreadyExists) {
    outcome.fail(entry.status);
    return false;
  }
  context_.catalog->add(config.name);
  Versions& slots = models_[config.name];
  Status status = entry.status;
  const bool flips_state = std::any_of(slots.begin(), slots.end(), [&](const auto& version) {
    return version.second.serving && version.second.config.stateful.enabled != config.stateful.enabled;
  });
  if (status.ok() && flips_state) status = invalid_argument("stateful cannot be changed while the model is loaded");
  // A folder that cannot be read may be a share that is away: what serves goes on.
  auto found = status.ok() ? scan_versions(config.base_path) : status;
  if (!found.ok()) {
    outcome.fail(found.status());
    report(config.name, found.status());
    return false;
  }
  selection.found = std::move(found).value();
  leave_out_empty(config.name, slots, selection.found);
  std::vector<Version> versions;
  for (const auto& [version, path] : selection.found) versions.push_back(version);
  selection.entry = &entry;
  selection.config = &config;
  selection.slots = &slots;
  selection.versions = select_versions(config.version_policy, versions);
  if (selection.found.empty()) {
    status = not_found(fmt::format("base_path {} has no version folder", config.base_path));
    outcome.fail(status);
  } else if (selection.versions.empty()) {
    // To OVMS it is no failure when a policy serves nothing.
    status = not_found(fmt::format("model_version_policy is \"{}\", but base_path {} has the versions {}",
                                   to_string(config.version_policy), config.base_path, fmt::join(versions, ",")));
  }
  report(config.name, status);
  return true;
}

void ModelSet::add_tasks(const Selection& selection, const PassRequest& request, std::vector<Task>& tasks) {
  const std::string& name = selection.config->name;
  for (const Version version : selection.versions) {
    VersionSlot& slot = (*selection.slots)[version];
    Task task{selection.entry, selection.config, version, selection.found.at(version), &slot, {}};
    if (!due(task, request)) {
      // The configuration went back to what serves anyway.
      if (slot.serving && !slot.failure.ok() && same_load(slot.config, *task.config)) {
        slot.failure = {};
        context_.catalog->set_reason(name, version, "");
      }
      continue;
    }
    // All that is going to be loaded is listed first, so that requests for it wait instead of being told that it does
    // not exist.
    if (!slot.serving)
      context_.catalog->set_state(name, version, slot.failure.ok() ? VersionState::kStart : VersionState::kLoading,
                                  slot.failure);
    tasks.push_back(std::move(task));
  }
}

bool ModelSet::due(const Task& task, const PassRequest& request) const {
  const VersionSlot& slot = *task.slot;
  const auto files_changed = [&] { return slot.folder_stamp != stamp_of(task.path); };
  if (slot.serving && same_load(slot.config, *task.config))
    return request.recheck_files == task.config->name && files_changed();
  if (slot.failure.ok() || request.retry_all || !same_load(slot.attempted, *task.config)) return true;
  return Clock::now() >= slot.retry_at || files_changed();
}

void ModelSet::run(std::vector<Task>& tasks) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t index = next++; index < tasks.size() && !context_.stopping; index = next++) load(tasks[index]);
  };
  std::vector<std::thread> helpers;
  try {
    for (std::size_t i = 1; i < thread_count(context_.options, tasks.size()); ++i) helpers.emplace_back(work);
  } catch (const std::exception& failure) {  // their number may be limited: it takes longer with fewer
    context_.log.warning("Fewer threads than wanted load models: {}", failure.what());
  }
  work();
  for (auto& helper : helpers) helper.join();
}

// The files that came with a request stay as long as the model that may read them again.
std::shared_ptr<serving::Servable> ModelSet::with_files(std::shared_ptr<serving::Servable> served,
                                                        const ModelEntry& entry) {
  if (!entry.sent) return served;
  auto* servable = served.get();
  return {servable, [served = std::move(served), files = entry.sent](serving::Servable*) mutable {
            served.reset();
            files.reset();
          }};
}

// Memory, or threads where their number is limited, may be missing now and be there the next time.
void ModelSet::load(Task& task) {
  try {
    load_version(task);
  } catch (const std::exception& failure) {
    settle(task, {StatusCode::kResourceExhausted, fmt::format("no memory or no thread for it: {}", failure.what())});
  }
}

void ModelSet::load_version(Task& task) {
  const std::string& name = task.config->name;
  VersionSlot& slot = *task.slot;
  if (!slot.serving) context_.catalog->set_state(name, task.version, VersionState::kLoading, slot.failure);
  const auto begin = Clock::now();
  // Before the files are read, so that a change while they are is seen the next time.
  slot.folder_stamp = stamp_of(task.path);
  auto request = make_load(*task.config, task.version, task.path, context_.options, slot.metrics);
  if (!request.ok()) return settle(task, request.status());
  auto servable = context_.factory->load_model(*request);
  if (!servable.ok()) return settle(task, servable.status());
  const auto& metadata = (*servable)->metadata();
  if (Status status = check_automatic(metadata, *task.config); !status.ok()) return settle(task, status);
  if (Status status = check_expected(metadata, *task.config); !status.ok()) return settle(task, status);
  if (!task.config->shapes.empty() && task.config->batch.kind != BatchParameter::Kind::kFromModel)
    context_.log.warning("Model {}: Both shape and batch size have been defined. Batch size parameter will be ignored.",
                         name);
  log_loaded_model(context_.log, metadata, *slot.metrics, Clock::now() - begin);
  slot.registration = {};  // not twice on the page
  slot.registration = context_.show(metadata, slot.metrics);
  std::shared_ptr<serving::Servable> served = std::move(servable).value();
  if (task.config->automatic()) {
    served = std::make_shared<ReshapingServable>(context_.factory, *request, std::move(served), context_.log);
  }
  context_.publish(name, task.version, with_files(std::move(served), *task.entry));
  settle(task, {});
}

void ModelSet::settle(Task& task, const Status& status) {
  VersionSlot& slot = *task.slot;
  task.status = status;
  slot.attempted = *task.config;
  if (status.ok()) {
    slot.serving = true;
    slot.config = *task.config;
    slot.failure = {};
    slot.failures = 0;
    return;
  }
  const bool news = slot.failure.message() != status.message();
  // Clients see UNKNOWN, whatever the cause.
  slot.failure = internal_error(std::string(status.message()));
  slot.failures = std::min(slot.failures + 1, 16U);
  const Duration pause =
      std::max<Duration>(context_.options.poll_interval, std::chrono::milliseconds(100)) * (1U << (slot.failures - 1));
  slot.retry_at = Clock::now() + std::min<Duration>(pause, kLongestPause);
  if (news)
    context_.log.error("Model {} version {} cannot be loaded: {}", task.config->name, task.version, status.message());
  if (slot.serving) {
    context_.catalog->set_reason(
        task.config->name, task.version,
        fmt::format("an earlier configuration still serves, because the new one failed: {}", status.message()));
  } else {
    context_.catalog->set_state(task.config->name, task.version, VersionState::kLoading, slot.failure);
  }
}

void ModelSet::retire_replaced(const Selection& selection, PassOutcome& outcome) {
  auto& versions = *selection.slots;
  const auto serves = [&](Version version) { return versions.at(version).serving; };
  const bool all = std::all_of(selection.versions.begin(), selection.versions.end(), serves);
  const bool any = std::any_of(selection.versions.begin(), selection.versions.end(), serves);
  for (auto version = versions.begin(); version != versions.end();) {
    const auto here = version++;
    if (std::binary_search(selection.versions.begin(), selection.versions.end(), here->first)) continue;
    const bool replaced = all || (any && !selection.found.contains(here->first));
    if (here->second.serving && !replaced) continue;
    retire(selection.config->name, here->first, here->second);
    outcome.changed = true;
    versions.erase(here);
  }
}

void ModelSet::retire(const std::string& name, Version version, const VersionSlot& slot) {
  if (slot.serving) {
    context_.catalog->retire(name, version);
  } else {
    context_.catalog->set_state(name, version, VersionState::kEnd);
  }
}

void ModelSet::retire_all() {
  for (const auto& [name, versions] : models_) {
    for (const auto& [version, slot] : versions) retire(name, version, slot);
  }
  models_.clear();
}

}  // namespace ocelli::repository
