#include "repository/catalog.hpp"

#include <algorithm>
#include <ranges>
#include <utility>

namespace ocelli::repository {
namespace {

using serving::VersionState;

// The names of the error codes that a status shows, after google.rpc.Code.
std::string_view error_name(StatusCode code) {
  if (code == StatusCode::kOk) return "OK";
  return code == StatusCode::kFailedPrecondition ? "FAILED_PRECONDITION" : "UNKNOWN";
}

// Forgets the oldest of the retired versions beyond the limit.
template <typename Versions>
void limit_ended(Versions& versions) {
  auto ended = static_cast<std::size_t>(
      std::ranges::count_if(versions, [](const auto& entry) { return entry.status.state == VersionState::kEnd; }));
  std::erase_if(versions, [&](const auto& entry) {
    if (ended <= Catalog::kMaxEnded || entry.status.state != VersionState::kEnd) return false;
    --ended;
    return true;
  });
}

}  // namespace

Catalog::Catalog(Log log) : log_(std::move(log)), models_(std::make_shared<const Models>()) {}

Catalog::Place Catalog::place_of(const Models& models, std::string_view name, std::optional<Version> version) {
  const auto model = models.find(name);
  if (model == models.end()) return {nullptr, Miss::kNoName};
  const bool any = !version || *version == 0;
  Miss miss = Miss::kNoVersion;
  const auto& versions = model->second->versions;
  for (const auto& entry : std::views::reverse(versions)) {
    if (!any && entry.status.version != *version) continue;
    if (entry.handle) return {&entry, Miss::kNone};
    const bool coming = entry.status.state == VersionState::kStart || entry.status.state == VersionState::kLoading;
    const bool failed = entry.status.error != StatusCode::kOk;
    if (!any) return {nullptr, !coming ? Miss::kRetired : failed ? Miss::kFailed : Miss::kLoading};
    if (coming && !failed) miss = Miss::kLoading;
    // A pipeline that cannot be used has the one version that it always has.
    if (coming && entry.status.error == StatusCode::kFailedPrecondition) miss = Miss::kFailed;
  }
  return {nullptr, miss};
}

Catalog::Found Catalog::find(std::string_view name, std::optional<Version> version) const {
  return models_.read([&](const Models& models) -> Found {
    const Place place = place_of(models, name, version);
    return {place.entry ? place.entry->handle : nullptr, place.miss};
  });
}

std::optional<Catalog::Ticket> Catalog::ticket(std::string_view name, std::optional<Version> version) const {
  return models_.read([&](const Models& models) -> std::optional<Ticket> {
    const Place place = place_of(models, name, version);
    return place.entry ? std::optional(place.entry->ticket) : std::nullopt;
  });
}

Status Catalog::miss_status(Miss miss) {
  switch (miss) {
    case Miss::kNone:
      break;
    case Miss::kNoName:
      return not_found("Model with requested name is not found");
    case Miss::kNoVersion:
      return not_found("Model with requested version is not found");
    case Miss::kRetired:
      return not_found("Model with requested version is retired");
    case Miss::kLoading:
    case Miss::kFailed:
      return {StatusCode::kNotLoadedYet, "Model with requested version is not loaded yet"};
  }
  return internal_error("a found model has no error");
}

Result<serving::ModelStatus> Catalog::status(std::string_view name, std::optional<Version> version) const {
  const auto models = models_.get();
  const auto model = models->find(name);
  if (model == models->end()) return miss_status(Miss::kNoName);
  serving::ModelStatus status{model->first, {}, model->second->problem};
  for (const auto& entry : model->second->versions) {
    if (!version || *version == 0 || entry.status.version == *version) status.versions.push_back(entry.status);
  }
  if (version && *version != 0 && status.versions.empty()) return miss_status(Miss::kNoVersion);
  return status;
}

std::vector<serving::ModelStatus> Catalog::all_statuses() const {
  const auto models = models_.get();
  std::vector<serving::ModelStatus> all;
  for (const auto& [name, model] : *models) {
    auto& status = all.emplace_back(serving::ModelStatus{name, {}, model->problem});
    for (const auto& entry : model->versions) status.versions.push_back(entry.status);
  }
  return all;
}

void Catalog::add(const std::string& name) {
  std::shared_ptr<const Models> before;
  {
    const std::lock_guard lock(mutex_);
    const auto models = models_.get();
    if (models->contains(name)) return;
    auto copy = std::make_shared<Models>(*models);
    copy->emplace(name, std::make_shared<const Model>());
    before = models_.publish(std::move(copy));
  }
  if (changed_) changed_();
}

// The names to be forgotten; valid as long as models.
std::vector<std::string_view> Catalog::outdated(const Models& models, const std::set<std::string, std::less<>>& names) {
  std::vector<std::string_view> result;
  std::vector<std::pair<std::uint64_t, std::string_view>> ended;
  for (const auto& [name, model] : models) {
    if (names.contains(name)) continue;
    const auto& versions = model->versions;
    if (versions.empty()) {
      result.push_back(name);
    } else if (std::ranges::all_of(versions, [](const Entry& e) { return e.status.state == VersionState::kEnd; })) {
      ended.emplace_back(model->changed, name);
    }
  }
  std::ranges::sort(ended);
  for (std::size_t i = 0; i + kMaxEndedModels < ended.size(); ++i) result.push_back(ended[i].second);
  return result;
}

void Catalog::keep(const std::set<std::string, std::less<>>& names) {
  std::shared_ptr<const Models> before;
  {
    const std::lock_guard lock(mutex_);
    before = models_.get();
    const auto forgotten = outdated(*before, names);
    if (forgotten.empty()) return;
    auto copy = std::make_shared<Models>(*before);
    for (const auto name : forgotten) copy->erase(copy->find(name));
    models_.publish(std::move(copy));
  }
  if (changed_) changed_();
}

bool Catalog::set_problem(const std::string& name, const std::string& problem) {
  std::shared_ptr<const Models> before;
  {
    const std::lock_guard lock(mutex_);
    before = models_.get();
    const auto found = before->find(name);
    if (found == before->end() || found->second->problem == problem) return false;
    auto model = std::make_shared<Model>(*found->second);
    model->problem = problem;
    auto copy = std::make_shared<Models>(*before);
    (*copy)[name] = std::move(model);
    models_.publish(std::move(copy));
  }
  if (changed_) changed_();
  return true;
}

template <typename Edit>
void Catalog::change(const std::string& name, Version version, bool create, const Edit& edit) {
  // Destroyed last, without the lock: an old handle may be the last one.
  std::shared_ptr<const Models> before;
  serving::ServableHandle handle_before;
  {
    const std::lock_guard lock(mutex_);
    before = models_.get();
    const auto found = before->find(name);
    auto model = found == before->end() ? std::make_shared<Model>() : std::make_shared<Model>(*found->second);
    auto& versions = model->versions;
    auto entry = std::ranges::lower_bound(versions, version, {}, [](const Entry& each) { return each.status.version; });
    if (entry == versions.end() || entry->status.version != version) {
      if (!create) return;
      entry = versions.insert(entry, Entry{{version, VersionState::kStart, StatusCode::kOk, {}}, nullptr, 0});
      log_state(name, entry->status);
    }
    const serving::VersionStatus status_before = entry->status;
    handle_before = entry->handle;
    if (!edit(*entry)) return;
    const bool visible = entry->status.state != status_before.state || entry->status.error != status_before.error;
    if (visible) log_state(name, entry->status);
    limit_ended(versions);
    model->changed = ++changes_;
    auto copy = std::make_shared<Models>(*before);
    (*copy)[name] = std::move(model);
    models_.publish(std::move(copy));
    ended_.notify_all();
  }
  if (changed_) changed_();
}

void Catalog::log_state(const std::string& name, const serving::VersionStatus& status) const {
  log_.info(R"(STATUS CHANGE: Version {} of model {} status change. New status: ( "state": "{}", "error_code": "{}" ))",
            status.version, name, serving::version_state_name(status.state), error_name(status.error));
}

void Catalog::set_state(const std::string& name, Version version, VersionState state, const Status& error) {
  change(name, version, true, [&](Entry& entry) {
    entry.status.state = state;
    entry.status.error = error.code();
    entry.status.reason = error.message();
    entry.handle.reset();
    return true;
  });
}

void Catalog::publish(const std::string& name, Version version, Ticket ticket, serving::ServableHandle handle) {
  change(name, version, true, [&](Entry& entry) {
    entry.status = {version, VersionState::kAvailable, StatusCode::kOk, {}};
    entry.handle = std::move(handle);
    entry.ticket = ticket;
    return true;
  });
}

void Catalog::set_reason(const std::string& name, Version version, const std::string& reason) {
  change(name, version, false, [&](Entry& entry) {
    if (entry.status.reason == reason) return false;
    entry.status.reason = reason;
    return true;
  });
}

void Catalog::retire(const std::string& name, Version version) {
  change(name, version, false, [](Entry& entry) {
    if (!entry.handle) return false;
    entry.status = {entry.status.version, VersionState::kUnloading, StatusCode::kOk, {}};
    entry.handle.reset();
    return true;
  });
}

void Catalog::ended(const std::string& name, Version version, Ticket ticket) {
  change(name, version, false, [&](Entry& entry) {
    if (entry.ticket != ticket || entry.status.state != VersionState::kUnloading) return false;
    entry.status.state = VersionState::kEnd;
    return true;
  });
}

bool Catalog::wait_until_ended(Duration limit) const {
  const auto ended = [this] {
    return models_.read([](const Models& models) {
      return std::none_of(models.begin(), models.end(), [](const auto& model) {
        return std::ranges::any_of(model.second->versions,
                                   [](const Entry& e) { return e.status.state == VersionState::kUnloading; });
      });
    });
  };
  std::unique_lock lock(mutex_);
  return ended_.wait_for(lock, limit, ended);
}

}  // namespace ocelli::repository
