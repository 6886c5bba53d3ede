#include "cli/bench/raw_way.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "cli/bench/flat_run.hpp"
#include "cli/bench/in_flight.hpp"

namespace ocelli::cli {
namespace {

// One request of the runtime, started again whenever it ends.
class RawSlot final : public InferCompletion, private FlatTask {
 public:
  explicit RawSlot(std::unique_ptr<InferRequest> request) : request_(std::move(request)) {}

  Status bind(const std::vector<Tensor>& inputs) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (auto status = request_->set_input(i, inputs[i].view); !status.ok()) return status;
    }
    return {};
  }
  void start(InFlight& load) {
    load_ = &load;
    load.begin_one();
    flat_run(*this);
  }
  void on_infer_done(const Status& status) noexcept override {
    if (load_->end_one(began_, status)) flat_run(*this);
  }

 private:
  void go() noexcept override {
    began_ = Clock::now();
    request_->start(*this);
  }

  std::unique_ptr<InferRequest> request_;
  InFlight* load_ = nullptr;
  TimePoint began_{};
};

class RawWay final : public LoadWay {
 public:
  RawWay(std::shared_ptr<CompiledModel> model, std::vector<Tensor> inputs)
      : model_(std::move(model)), inputs_(std::move(inputs)) {}

  [[nodiscard]] std::string name() const override { return "raw"; }

  Result<LoadResult> run(std::uint32_t concurrency, Duration duration) override {
    while (slots_.size() < concurrency) {
      auto request = model_->create_request();
      if (!request.ok()) return request.status();
      auto slot = std::make_unique<RawSlot>(std::move(*request));
      if (auto status = slot->bind(inputs_); !status.ok()) return status;
      slots_.push_back(std::move(slot));
    }
    InFlight load(duration);
    for (std::uint32_t i = 0; i < concurrency; ++i) slots_[i]->start(load);
    return load.wait();
  }

 private:
  std::shared_ptr<CompiledModel> model_;
  std::vector<Tensor> inputs_;
  std::vector<std::unique_ptr<RawSlot>> slots_;
};

// A call that its thread waits for, as a client in this process would.
class BlockingCall final : public serving::CallCompletion {
 public:
  BlockingCall(serving::ServableHandle servable, const std::vector<Tensor>& inputs)
      : servable_(std::move(servable)), inputs_(inputs) {}

  // Makes one call; its status.
  const Status& run() {
    done_ = false;
    call_.clear();
    call_.servable = servable_;
    call_.completion = this;
    call_.times.received = Clock::now();
    const auto& specs = servable_->metadata().inputs;
    for (std::size_t i = 0; i < inputs_.size(); ++i) call_.inputs.push_back({specs[i].name, inputs_[i]});
    servable_->infer(call_);
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [&] { return done_; });
    return call_.status;
  }
  void on_call_done(serving::InferenceCall&) noexcept override {
    const std::lock_guard lock(mutex_);
    done_ = true;
    ended_.notify_one();
  }

 private:
  serving::ServableHandle servable_;
  const std::vector<Tensor>& inputs_;
  serving::InferenceCall call_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool done_ = false;  // guarded by mutex_ once the call is on its way
};

class ServableWay final : public LoadWay {
 public:
  ServableWay(serving::ServableHandle servable, std::vector<Tensor> inputs)
      : servable_(std::move(servable)), inputs_(std::move(inputs)) {}

  [[nodiscard]] std::string name() const override { return "servable"; }

  Result<LoadResult> run(std::uint32_t concurrency, Duration duration) override {
    InFlight load(duration);
    std::vector<std::jthread> threads;
    for (std::uint32_t i = 0; i < concurrency; ++i) {
      load.begin_one();
      threads.emplace_back([this, &load] {
        BlockingCall call(servable_, inputs_);
        for (bool more = true; more;) {
          const auto began = Clock::now();
          const auto& status = call.run();
          more = load.end_one(began, status);
        }
      });
    }
    return load.wait();
  }

 private:
  serving::ServableHandle servable_;
  std::vector<Tensor> inputs_;
};

}  // namespace

std::unique_ptr<LoadWay> make_raw_way(std::shared_ptr<CompiledModel> model, std::vector<Tensor> inputs) {
  return std::make_unique<RawWay>(std::move(model), std::move(inputs));
}

std::unique_ptr<LoadWay> make_servable_way(serving::ServableHandle servable, std::vector<Tensor> inputs) {
  return std::make_unique<ServableWay>(std::move(servable), std::move(inputs));
}

}  // namespace ocelli::cli
