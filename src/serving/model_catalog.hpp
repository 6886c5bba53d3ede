// ModelCatalog: how protocols find servables and ask for their states. Implemented by the repository.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/change_notifier.hpp"
#include "base/status.hpp"
#include "serving/sent_model.hpp"
#include "serving/servable.hpp"

namespace ocelli::serving {

// TensorFlow Serving's states and their numbers.
enum class VersionState : std::uint8_t { kStart = 10, kLoading = 20, kAvailable = 30, kUnloading = 40, kEnd = 50 };
std::string_view version_state_name(VersionState state) noexcept;

// error: kOk, or why the version is not AVAILABLE (clients see UNKNOWN or FAILED_PRECONDITION); reason is the sentence
// for the log, the repository index and ocelli's own pages.
struct VersionStatus {
  std::int64_t version = 0;
  VersionState state = VersionState::kStart;
  StatusCode error = StatusCode::kOk;
  std::string reason;
};

// All versions of one model or pipeline, or the one asked for.
struct ModelStatus {
  std::string name;
  std::vector<VersionStatus> versions;  // ascending
  // Why nothing can be done with the model as a whole, for the log and the repository index; usually empty.
  std::string problem{};
};

// Whether a reload found anything to change.
enum class ReloadOutcome : std::uint8_t { kUnchanged, kReloaded };

// Thread-safe.
class ModelCatalog {
 public:
  virtual ~ModelCatalog() = default;

  // The version asked for, or the highest AVAILABLE one. Errors: kNotFound "Model with requested name is not found",
  // "Model with requested version is not found" or "... is retired"; kNotLoadedYet "Model with requested version is not
  // loaded yet". Never blocks, never allocates on success.
  virtual Result<ServableHandle> find(std::string_view name, std::optional<std::int64_t> version) = 0;

  // As find(), but while the version is still LOADING it waits for up to OVMS's ten seconds, counted from a moment that
  // may lie back: that when the request was wholly there. done is called exactly once, on this thread or another. name
  // is copied.
  virtual void find_when_loaded(std::string_view name, std::optional<std::int64_t> version, TimePoint since,
                                std::function<void(Result<ServableHandle>)> done) = 0;

  // All versions of a model, or only the one asked for; kNotFound as above.
  virtual Result<ModelStatus> status(std::string_view name, std::optional<std::int64_t> version) = 0;
  // Every model and pipeline, names ascending.
  virtual std::vector<ModelStatus> all_statuses() = 0;

  // Turns true when the first load pass is over, even with failed models, and stays true.
  [[nodiscard]] virtual bool ready() const noexcept = 0;

  // Notified after every change of what status() and ready() tell, by whichever thread made it.
  [[nodiscard]] virtual ChangeNotifier& changes() noexcept = 0;

  // Re-reads the configuration and the version folders now. May take as long as loading takes: call it off the network
  // threads.
  virtual Result<ReloadOutcome> reload() = 0;

  // Triton's repository extension. load and unload block like reload; unloading a name that is not there is OK. Errors
  // of load: kNotFound (a name that is not configured, without files), kInvalidArgument (the configuration or files),
  // kFailedPrecondition with the reason when it does not serve as asked. Both: kUnavailable where requests may not
  // decide what is loaded.
  virtual Status load(std::string_view name, const SentModel& sent) = 0;
  virtual Status unload(std::string_view name) = 0;
};

}  // namespace ocelli::serving
