// FakeModel: a CompiledModel made of a function, with runs that a test can hold back, cancel and count.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/compiled_model.hpp"

namespace ocelli::test {

class FakeRequest;

// Runs on threads of its own, like a runtime. Its requests keep it alive no longer than CompiledModel promises.
class FakeModel final : public CompiledModel {
 public:
  // Reads inputs and fills outputs. An output's data is where it is to be written when it is bound or has a static
  // shape; null otherwise: the kernel then sets view and owner.
  using Kernel = std::function<Status(const std::vector<TensorView>& inputs, std::vector<Tensor>& outputs)>;

  FakeModel(ModelSignature signature, Kernel kernel, std::size_t threads = 1)
      : signature_(std::move(signature)), kernel_(std::move(kernel)) {
    info_.runtime = "fake";
    info_.device = "FAKE";
    info_.precision = "FP32";
    queue_.reserve(1024);
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }
  ~FakeModel() override {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

  [[nodiscard]] const ModelSignature& signature() const noexcept override { return signature_; }
  [[nodiscard]] const ExecutionInfo& info() const noexcept override { return info_; }
  [[nodiscard]] bool stateful() const noexcept override { return is_stateful; }
  [[nodiscard]] bool shapes_follow_inputs() const noexcept override { return has_proven_shapes; }
  Result<std::unique_ptr<InferRequest>> create_request() override;

  ExecutionInfo& mutable_info() noexcept { return info_; }
  // start() runs on the calling thread and tells the completion before it returns.
  bool synchronous = false;
  // What the model says of its outputs' shapes; the kernel may do otherwise.
  bool has_proven_shapes = true;
  // With state: every run adds its input's first float to the request's sum, which is the first output.
  bool is_stateful = false;
  // Called when start() is entered; null: nothing.
  std::function<void()> before_start;
  // Values that the runtime cannot hold; null: it takes all.
  std::function<bool(const TensorView& input)> refuses;

  // While held, started runs wait; run() on the caller's thread is not held.
  void hold() { set_held(true); }
  void release() { set_held(false); }
  // Lets exactly this many held runs go.
  void release_some(int count) {
    {
      const std::lock_guard lock(mutex_);
      tickets_ += count;
    }
    wake_.notify_all();
  }
  // Blocks until so many runs have been started and wait or run.
  void wait_for_started(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return started_ >= count; });
  }

  // Blocks until every run that ended was told and that has returned: an answer may be there before.
  void wait_until_told() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return at_work_ == 0; });
  }

  // Forgets the runs that warmed the model up.
  void reset_counts() {
    const std::lock_guard lock(mutex_);
    started_ = 0;
    runs_.store(0);
    cancels_.store(0);
  }
  [[nodiscard]] int runs() const { return runs_.load(); }
  [[nodiscard]] int started() const {
    const std::lock_guard lock(mutex_);
    return started_;
  }
  [[nodiscard]] int cancels() const { return cancels_.load(); }

 private:
  friend class FakeRequest;

  void set_held(bool held) {
    {
      const std::lock_guard lock(mutex_);
      held_ = held;
    }
    wake_.notify_all();
  }
  void enqueue(FakeRequest& request);
  void work();

  ModelSignature signature_;
  ExecutionInfo info_;
  Kernel kernel_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable changed_;
  std::vector<FakeRequest*> queue_;
  bool held_ = false;
  bool closing_ = false;
  int tickets_ = 0;
  int started_ = 0;
  int at_work_ = 0;  // threads that run a request or tell of its end
  std::atomic<int> runs_{0};
  std::atomic<int> cancels_{0};
  std::vector<std::thread> threads_;
};

class FakeRequest final : public InferRequest {
 public:
  explicit FakeRequest(FakeModel& model)
      : model_(model),
        inputs_(model.signature_.inputs.size()),
        outputs_(model.signature_.outputs.size()),
        bound_(outputs_.size()) {}

  Status set_input(std::size_t index, const TensorView& view) override {
    if (model_.refuses && model_.refuses(view)) return invalid_argument("a value that the device cannot hold");
    inputs_.at(index) = view;
    return {};
  }
  Status set_output(std::size_t index, const TensorView& view) override {
    outputs_.at(index).view = view;
    bound_.at(index) = 1;
    return {};
  }
  void clear_output(std::size_t index) noexcept override { bound_[index] = 0; }
  void start(InferCompletion& completion) noexcept override {
    completion_ = &completion;
    if (model_.before_start) model_.before_start();
    cancelled_.store(false);
    if (model_.synchronous) return completion.on_infer_done(run());
    model_.enqueue(*this);
  }
  Status run() noexcept override {
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      if (!bound_[i]) own_output(i);
    }
    model_.runs_.fetch_add(1);
    auto status = model_.kernel_(inputs_, outputs_);
    if (model_.is_stateful && status.ok()) {
      float value = 0;
      std::memcpy(&value, inputs_[0].data, sizeof value);
      state += value;
      std::memcpy(outputs_[0].view.data, &state, sizeof state);
    }
    return status;
  }
  void cancel() noexcept override {
    cancelled_.store(true);
    model_.cancels_.fetch_add(1);
    { const std::lock_guard lock(model_.mutex_); }
    model_.wake_.notify_all();
  }
  Result<TensorView> output(std::size_t index) override { return outputs_.at(index).view; }

  Status reset_state() override {
    state = 0;
    return {};
  }
  Result<std::vector<Tensor>> save_state() override {
    auto buffer = Buffer::allocate(sizeof state);
    std::memcpy(buffer->data(), &state, sizeof state);
    return std::vector<Tensor>{Tensor::of(DataType::kFp32, {1}, std::move(buffer), 0, sizeof state)};
  }
  Status restore_state(const std::vector<Tensor>& saved) override {
    std::memcpy(&state, saved.at(0).view.data, sizeof state);
    return {};
  }

  float state = 0;

 private:
  friend class FakeModel;

  void own_output(std::size_t index) {
    const auto& spec = model_.signature_.outputs[index];
    auto& output = outputs_[index];
    output.view.data = nullptr;
    const auto shape = spec.shape.static_shape();
    if (!shape || spec.type == DataType::kString) return;
    const auto bytes = *shape->element_count() * element_size(spec.type);
    output = Tensor::of(spec.type, *shape, Buffer::allocate(bytes), 0, bytes);
  }

  FakeModel& model_;
  std::vector<TensorView> inputs_;
  std::vector<Tensor> outputs_;
  std::vector<std::uint8_t> bound_;
  InferCompletion* completion_ = nullptr;
  std::atomic<bool> cancelled_{false};
};

inline Result<std::unique_ptr<InferRequest>> FakeModel::create_request() {
  return std::unique_ptr<InferRequest>(std::make_unique<FakeRequest>(*this));
}

inline void FakeModel::enqueue(FakeRequest& request) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(&request);
    ++started_;
  }
  wake_.notify_one();
  changed_.notify_all();
}

inline void FakeModel::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    auto ready = queue_.end();
    const auto find_ready = [&] {
      ready = queue_.begin();
      while (ready != queue_.end() && held_ && tickets_ == 0 && !(*ready)->cancelled_.load()) ++ready;
      return ready != queue_.end() || closing_;
    };
    wake_.wait(lock, find_ready);
    if (ready == queue_.end()) return;
    auto* request = *ready;
    queue_.erase(ready);
    if (held_ && tickets_ > 0) --tickets_;
    ++at_work_;
    lock.unlock();
    auto status = request->cancelled_.load() ? Status(StatusCode::kCancelled, "cancelled by test") : request->run();
    request->completion_->on_infer_done(status);
    lock.lock();
    --at_work_;
    changed_.notify_all();
  }
}

// Adds `add` to every float: input "b" and output "a" of the given shape; dimension 0 may be dynamic. Unbound outputs
// share one buffer per call, which lives until the next run.
inline ModelSignature add_signature(const PartialShape& shape) {
  return {{{"b", DataType::kFp32, shape, ""}}, {{"a", DataType::kFp32, shape, ""}}};
}

inline FakeModel::Kernel add_kernel(float add) {
  return [add](const std::vector<TensorView>& inputs, std::vector<Tensor>& outputs) -> Status {
    const auto& in = inputs[0];
    auto& out = outputs[0];
    if (!out.view.data) {
      out.owner = Buffer::allocate(in.bytes);
      out.view = in;
      out.view.data = out.owner->data();
    }
    for (std::size_t i = 0; i < in.bytes / sizeof(float); ++i) {
      float value = 0;
      std::memcpy(&value, in.data + i * sizeof value, sizeof value);
      value += add;
      std::memcpy(out.view.data + i * sizeof value, &value, sizeof value);
    }
    return {};
  };
}

}  // namespace ocelli::test
