// Catalog: which versions of which models there are, in which state, and the handles that requests take.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "repository/snapshot.hpp"
#include "repository/version_policy.hpp"
#include "serving/model_catalog.hpp"

namespace ocelli::repository {

// Thread-safe. Every change of a state is logged as OVMS logs it. Retired versions stay listed as END, the newest
// kMaxEnded of each model, and so do the names of models that are not wanted any more, the latest kMaxEndedModels.
class Catalog {
 public:
  static constexpr std::size_t kMaxEnded = 64;
  static constexpr std::size_t kMaxEndedModels = 128;
  // Identifies one loading of a version, so that the end of an old one is not taken for the end of the new one.
  using Ticket = std::uint64_t;

  // Why find() found nothing.
  enum class Miss : std::uint8_t { kNone, kNoName, kNoVersion, kLoading, kFailed, kRetired };
  struct Found {
    serving::ServableHandle handle;
    Miss miss = Miss::kNoName;
  };

  explicit Catalog(Log log);

  // --- for requests
  // Version 0 and none mean the highest AVAILABLE one. Allocates nothing.
  [[nodiscard]] Found find(std::string_view name, std::optional<Version> version) const;
  // The error that clients are told, as model_catalog.hpp words it. miss must not be kNone.
  static Status miss_status(Miss miss);
  [[nodiscard]] Result<serving::ModelStatus> status(std::string_view name, std::optional<Version> version) const;
  [[nodiscard]] std::vector<serving::ModelStatus> all_statuses() const;
  // Whether the name has an AVAILABLE version.
  [[nodiscard]] bool available(std::string_view name) const { return find(name, std::nullopt).handle != nullptr; }

  // Which loading find() would give a handle of; empty when none. Changes when the model is replaced.
  [[nodiscard]] std::optional<Ticket> ticket(std::string_view name, std::optional<Version> version) const;

  // --- for the repository
  // Lists a name, without versions if it is new.
  void add(const std::string& name);
  // Forgets names that are not among these: those that never had a version, which are mistakes that are mended, and of
  // those all of whose versions have ended those that changed first, beyond kMaxEndedModels.
  void keep(const std::set<std::string, std::less<>>& names);
  // Why nothing can be done with a model that is listed; empty: nothing hinders. True: that is news.
  bool set_problem(const std::string& name, const std::string& problem);
  // START, LOADING (also with an error) or END of a version that does not serve. A version that is not listed yet
  // begins with START.
  void set_state(const std::string& name, Version version, serving::VersionState state, const Status& error = {});
  // AVAILABLE, with this handle from now on; a handle that was there before is let go.
  void publish(const std::string& name, Version version, Ticket ticket, serving::ServableHandle handle);
  // Why an AVAILABLE version is not what it should be; empty: it is.
  void set_reason(const std::string& name, Version version, const std::string& reason);
  // UNLOADING: no new request gets the handle.
  void retire(const std::string& name, Version version);
  // The last holder of that loading's handle is gone: END, if the version was retired.
  void ended(const std::string& name, Version version, Ticket ticket);
  // Waits until no version is UNLOADING, or limit is over. True when none is.
  bool wait_until_ended(Duration limit) const;

  // Called after every change, without any lock held. Set once, before the first change.
  void on_change(std::function<void()> callback) { changed_ = std::move(callback); }

 private:
  struct Entry {
    serving::VersionStatus status;
    serving::ServableHandle handle;
    Ticket ticket = 0;
  };
  struct Model {
    std::vector<Entry> versions;  // ascending
    std::string problem;
    std::uint64_t changed = 0;  // the number of its last change of a version
  };
  using Models = std::map<std::string, std::shared_ptr<const Model>, std::less<>>;
  struct Place {
    const Entry* entry = nullptr;  // null: see miss
    Miss miss = Miss::kNoName;
  };
  static std::vector<std::string_view> outdated(const Models& models, const std::set<std::string, std::less<>>& names);
  static Place place_of(const Models& models, std::string_view name, std::optional<Version> version);

  // Calls edit(entry) on a copy of the version's entry, made with START if it is new and `create`; publishes when edit
  // returns true.
  template <typename Edit>
  void change(const std::string& name, Version version, bool create, const Edit& edit);
  void log_state(const std::string& name, const serving::VersionStatus& status) const;

  const Log log_;
  std::function<void()> changed_;
  mutable std::mutex mutex_;  // one writer at a time
  mutable std::condition_variable ended_;
  std::uint64_t changes_ = 0;
  Snapshot<Models> models_;
};

}  // namespace ocelli::repository
