// FakeServable and FakeCatalog: models made of a function, for tests of protocols and transports.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "serving/model_catalog.hpp"
#include "serving/request_validation.hpp"
#include "serving/servable.hpp"

namespace ocelli::test {

// A servable that answers with a function. By default the answer is given on the thread that calls infer(); with
// hold_calls the calls wait until release_one() or cancel(). Inputs with a fault are refused, as by every servable, and
// are no call of the function.
class FakeServable : public serving::Servable {
 public:
  // Fills call.outputs or call.status.
  using Model = std::function<void(serving::InferenceCall& call)>;

  FakeServable(serving::ServableMetadata metadata, Model model)
      : metadata_(std::move(metadata)), model_(std::move(model)) {}

  [[nodiscard]] const serving::ServableMetadata& metadata() const noexcept override { return metadata_; }
  [[nodiscard]] serving::ServableMetadata current_metadata() const override { return current.value_or(metadata_); }
  [[nodiscard]] observability::ServableMetrics& metrics() noexcept override { return metrics_; }

  void infer(serving::InferenceCall& call) noexcept override {
    if (call.status = first_fault(call); !call.status.ok()) return call.completion->on_call_done(call);
    {
      const std::lock_guard lock(mutex_);
      ++calls_;
      if (hold_calls) {
        held_.push_back(&call);
        return;
      }
    }
    answer(call);
  }

  void cancel(serving::InferenceCall& call) noexcept override {
    {
      const std::lock_guard lock(mutex_);
      ++cancels_;
      const auto found = std::find(held_.begin(), held_.end(), &call);
      if (found == held_.end()) return;
      held_.erase(found);
    }
    call.status = Status(StatusCode::kCancelled, "Request was cancelled");
    call.completion->on_call_done(call);
  }

  // Answers the oldest held call on this thread; false when there is none.
  bool release_one() {
    serving::InferenceCall* call = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (held_.empty()) return false;
      call = held_.front();
      held_.erase(held_.begin());
    }
    answer(*call);
    return true;
  }

  [[nodiscard]] int calls() const { return with_lock(calls_); }
  [[nodiscard]] int cancels() const { return with_lock(cancels_); }

  // As if the model had been compiled again for other shapes.
  void show_shapes(const PartialShape& shape) {
    current = metadata_;
    for (auto* tensors : {&current->inputs, &current->outputs}) {
      for (auto& tensor : *tensors) tensor.shape = shape;
    }
  }

  bool hold_calls = false;
  std::optional<serving::ServableMetadata> current;  // where it differs from metadata()

 private:
  void answer(serving::InferenceCall& call) noexcept {
    model_(call);
    call.completion->on_call_done(call);
  }
  Status first_fault(const serving::InferenceCall& call) const {
    if (std::ranges::all_of(call.inputs, [](const auto& input) { return input.fault.ok(); })) return {};
    if (call.inputs.size() != metadata_.inputs.size())
      return serving::wrong_input_count(metadata_.inputs.size(), call.inputs.size());
    for (const auto& spec : metadata_.inputs) {
      const auto input = std::ranges::find(call.inputs, std::string_view(spec.name), &serving::CallInput::name);
      if (input == call.inputs.end()) return serving::missing_input(spec.name);
      if (!input->fault.ok()) return serving::validate_input(spec.name, spec, input->tensor.view, input->fault);
    }
    return {};
  }
  int with_lock(const int& value) const {
    const std::lock_guard lock(mutex_);
    return value;
  }

  serving::ServableMetadata metadata_;
  Model model_;
  observability::ServableMetrics metrics_;
  mutable std::mutex mutex_;
  std::vector<serving::InferenceCall*> held_;
  int calls_ = 0;
  int cancels_ = 0;
};

// Bytes of a new heap buffer as a tensor.
inline Tensor make_tensor(DataType type, const Shape& shape, const void* bytes, std::size_t size) {
  auto buffer = Buffer::allocate(size);
  if (size > 0) std::memcpy(buffer->data(), bytes, size);
  return Tensor::of(type, shape, std::move(buffer), 0, size);
}

// The specification's example model: input b FP32 [1,10], output a = b + 1; version 1. Inputs of another size give
// kInvalidArgument.
inline std::shared_ptr<FakeServable> make_dummy(std::string name = "dummy", std::int64_t version = 1) {
  serving::ServableMetadata metadata;
  metadata.name = std::move(name);
  metadata.version = version;
  metadata.inputs = {{"b", DataType::kFp32, PartialShape::from({1, 10}), "NC"}};
  metadata.outputs = {{"a", DataType::kFp32, PartialShape::from({1, 10}), "NC"}};
  return std::make_shared<FakeServable>(std::move(metadata), [](serving::InferenceCall& call) {
    call.status = call.inputs.size() == 1
                      ? serving::validate_input("b", call.servable->metadata().inputs[0], call.inputs[0].tensor.view)
                      : serving::wrong_input_count(1, call.inputs.size());
    if (!call.status.ok()) return;
    float values[10];
    std::memcpy(values, call.inputs[0].tensor.view.data, sizeof values);
    for (auto& value : values) value += 1;
    call.outputs.push_back({call.servable->metadata().outputs[0].name,
                            make_tensor(DataType::kFp32, {1, 10}, values, sizeof values), false});
  });
}

// A catalog that holds what add() was given. Thread-safe as the interface asks, except the public settings.
class FakeCatalog : public serving::ModelCatalog {
 public:
  void add(std::shared_ptr<serving::Servable> servable) {
    {
      const std::lock_guard lock(mutex_);
      const auto& metadata = servable->metadata();
      auto& entry = models_[metadata.name][metadata.version];
      entry.status = {metadata.version, serving::VersionState::kAvailable, StatusCode::kOk, ""};
      entry.servable = std::move(servable);
    }
    changes_.notify();
  }
  // A version without a servable: loading, failed or retired.
  void add_status(const std::string& name, serving::VersionStatus status) {
    {
      const std::lock_guard lock(mutex_);
      auto& entry = models_[name][status.version];
      entry.status = std::move(status);
      entry.servable.reset();
    }
    changes_.notify();
  }
  // A model without versions, and why.
  void add_empty(const std::string& name, const std::string& problem = "") {
    const std::lock_guard lock(mutex_);
    models_[name];
    problems_[name] = problem;
  }

  Result<serving::ServableHandle> find(std::string_view name, std::optional<std::int64_t> version) override {
    const std::lock_guard lock(mutex_);
    const auto model = models_.find(name);
    if (model == models_.end()) return not_found("Model with requested name is not found");
    bool loading = false;
    for (auto entry = model->second.rbegin(); entry != model->second.rend(); ++entry) {
      if (version && *version != entry->first) continue;
      if (entry->second.servable) return entry->second.servable;
      const bool retired = entry->second.status.state == serving::VersionState::kEnd;
      if (version && retired) return not_found("Model with requested version is retired");
      loading = loading || !retired;
    }
    if (loading) return Status(StatusCode::kNotLoadedYet, "Model with requested version is not loaded yet");
    return not_found("Model with requested version is not found");
  }

  // Keeps the caller waiting until finish_loading() when the version is loading.
  void find_when_loaded(std::string_view name, std::optional<std::int64_t> version, TimePoint,
                        std::function<void(Result<serving::ServableHandle>)> done) override {
    auto found = find(name, version);
    if (found.ok() || found.status().code() != StatusCode::kNotLoadedYet) return done(std::move(found));
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::string(name), version, std::move(done)});
  }
  // How many wait.
  [[nodiscard]] std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }
  // Tells everybody who waits what find() says now.
  void finish_loading() {
    std::vector<Waiter> waiting;
    {
      const std::lock_guard lock(mutex_);
      waiting.swap(waiting_);
    }
    for (auto& waiter : waiting) waiter.done(find(waiter.name, waiter.version));
  }

  Result<serving::ModelStatus> status(std::string_view name, std::optional<std::int64_t> version) override {
    const std::lock_guard lock(mutex_);
    const auto model = models_.find(name);
    if (model == models_.end()) return not_found("Model with requested name is not found");
    auto result = status_of(*model, version);
    if (version && result.versions.empty()) return not_found("Model with requested version is not found");
    return result;
  }
  std::vector<serving::ModelStatus> all_statuses() override {
    const std::lock_guard lock(mutex_);
    std::vector<serving::ModelStatus> all;
    for (const auto& model : models_) all.push_back(status_of(model, {}));
    return all;
  }

  [[nodiscard]] bool ready() const noexcept override { return is_ready; }
  [[nodiscard]] ChangeNotifier& changes() noexcept override { return changes_; }
  Result<serving::ReloadOutcome> reload() override { return reload_result; }
  Status load(std::string_view name, const serving::SentModel& sent) override {
    const std::lock_guard lock(mutex_);
    loads.emplace_back(std::string(name), sent.config);
    files.clear();
    for (const auto& file : sent.files) {
      const auto status = file.read([&](std::span<const std::byte> bytes) {
        files[file.path].append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return Status();
      });
      if (!status.ok()) return status;
    }
    return load_result;
  }
  Status unload(std::string_view name) override {
    const std::lock_guard lock(mutex_);
    unloads.emplace_back(name);
    return {};
  }

  std::atomic<bool> is_ready = true;  // whoever changes it notifies changes()
  Result<serving::ReloadOutcome> reload_result = serving::ReloadOutcome::kUnchanged;
  Status load_result;
  std::vector<std::pair<std::string, std::string>> loads;
  std::map<std::string, std::string> files;  // of the last load
  std::vector<std::string> unloads;

 private:
  struct Entry {
    serving::VersionStatus status;
    serving::ServableHandle servable;
  };
  using Versions = std::map<std::int64_t, Entry>;
  struct Waiter {
    std::string name;
    std::optional<std::int64_t> version;
    std::function<void(Result<serving::ServableHandle>)> done;
  };

  serving::ModelStatus status_of(const std::pair<const std::string, Versions>& model,
                                 std::optional<std::int64_t> version) const {
    serving::ModelStatus result{model.first, {}};
    if (const auto problem = problems_.find(model.first); problem != problems_.end()) result.problem = problem->second;
    for (const auto& [number, entry] : model.second) {
      if (!version || *version == number) result.versions.push_back(entry.status);
    }
    return result;
  }

  ChangeNotifier changes_;
  mutable std::mutex mutex_;
  std::map<std::string, Versions, std::less<>> models_;
  std::map<std::string, std::string> problems_;
  std::vector<Waiter> waiting_;
};

}  // namespace ocelli::test
