#include "repository/reshaping_servable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>

#include "repository/requested_shapes.hpp"

namespace ocelli::repository {

using serving::InferenceCall;
using serving::Servable;

// Lives on in its thread when the last handle is dropped on that very thread.
class ReshapingServable::Core : public std::enable_shared_from_this<ReshapingServable::Core> {
 public:
  Core(std::shared_ptr<ServableFactory> factory, ModelLoad load, std::shared_ptr<Servable> first, Log log)
      : factory_(std::move(factory)),
        load_(std::move(load)),
        log_(std::move(log)),
        metadata_(first->metadata()),
        current_(std::move(first)) {
    metadata_.automatic = true;
    if (!metadata_.devices) return;
    board_->follow(std::exchange(metadata_.devices, board_));
  }

  void start() {
    thread_ = std::thread([self = shared_from_this()] { self->work(); });
  }
  void stop() noexcept {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.get_id() == std::this_thread::get_id()) {
      thread_.detach();
    } else {
      thread_.join();
    }
  }

  [[nodiscard]] const serving::ServableMetadata& metadata() const noexcept { return metadata_; }
  [[nodiscard]] serving::ServableMetadata current_metadata() {
    std::unique_lock lock(mutex_);
    const auto servable = current_;
    lock.unlock();
    return servable->metadata();
  }
  [[nodiscard]] observability::ServableMetrics& metrics() noexcept { return *load_.metrics; }

  void infer(InferenceCall& call) noexcept {
    Status refusal;
    try {
      refusal = check_request(call, metadata_, load_.config);
      if (!refusal.ok()) return refuse(call, std::move(refusal));
      std::unique_lock lock(mutex_);
      if (!requested_shapes(call, current_->metadata(), load_.config, load_.mapping)) return forward(call, lock);
      if (waiting_.size() < kMaxWaiting) {
        waiting_.push_back(&call);
        changed_ = true;
        lock.unlock();
        wake_.notify_one();
        return;
      }
      refusal = Status(StatusCode::kResourceExhausted,
                       fmt::format("Too many requests wait for the model to be reshaped - limit: {}", kMaxWaiting));
    } catch (const std::bad_alloc&) {
      refusal = Status(StatusCode::kResourceExhausted, "out of memory");
    }
    refuse(call, std::move(refusal));
  }

  void cancel(InferenceCall& call) noexcept {
    std::unique_lock lock(mutex_);
    if (const auto found = std::find(waiting_.begin(), waiting_.end(), &call); found != waiting_.end()) {
      take_out(found);
      lock.unlock();
      return refuse(call, {StatusCode::kCancelled, "Request was cancelled"});
    }
    const auto running = running_.find(&call);
    if (running == running_.end()) return;
    Relay& relay = *running->second;
    relay.cancelling = true;
    lock.unlock();
    relay.servable->cancel(call);
    lock.lock();
    relay.cancelling = false;
    // It ended meanwhile, and the telling was left to this thread, so that the call was there for cancel().
    if (relay.ended) relay.tell(lock);
  }

 private:
  // Stands between the model and the call's owner: keeps the model that runs the call, which may not be the current one
  // any more.
  struct Relay final : serving::CallCompletion {
    Relay(std::shared_ptr<Core> core_in, InferenceCall& call_in, std::shared_ptr<Servable> servable_in)
        : core(std::move(core_in)), call(call_in), owner(call_in.completion), servable(std::move(servable_in)) {}

    void on_call_done(InferenceCall&) noexcept override {
      std::unique_lock lock(core->mutex_);
      ended = true;
      if (!cancelling) tell(lock);
    }

    bool tries_again(const InferenceCall& asked) noexcept override { return owner->tries_again(asked); }

    // Destroys this relay.
    void tell(std::unique_lock<std::mutex>& lock) noexcept {
      const auto self = core->running_.extract(&call);
      const auto keep = core;
      lock.unlock();
      keep->adopt_names(call);
      call.completion = owner;
      owner->on_call_done(call);
    }

    std::shared_ptr<Core> core;
    InferenceCall& call;
    serving::CallCompletion* owner;
    std::shared_ptr<Servable> servable;
    bool cancelling = false;
    bool ended = false;
  };

  // Output names point into the metadata of the model that ran the call, which may be gone before the reply is written.
  void adopt_names(InferenceCall& call) const noexcept {
    for (auto& output : call.outputs) {
      const auto own = std::find_if(metadata_.outputs.begin(), metadata_.outputs.end(),
                                    [&](const TensorSpec& spec) { return spec.name == output.name; });
      if (own != metadata_.outputs.end()) output.name = own->name;
    }
  }

  // With the lock held, which it gives back.
  void forward(InferenceCall& call, std::unique_lock<std::mutex>& lock) noexcept {
    // Held here too: the call may end, and its relay with it, before infer() returns.
    const auto servable = current_;
    try {
      auto relay = std::make_unique<Relay>(shared_from_this(), call, servable);
      serving::CallCompletion* const completion = relay.get();
      running_.emplace(&call, std::move(relay));
      call.completion = completion;
    } catch (const std::bad_alloc&) {
      lock.unlock();
      return refuse(call, {StatusCode::kResourceExhausted, "out of memory"});
    }
    lock.unlock();
    servable->infer(call);
  }

  void refuse(InferenceCall& call, Status status) noexcept {
    const auto received = call.times.received;
    load_.metrics->request_refused(received != TimePoint{} ? Clock::now() - received : Duration::zero());
    call.status = std::move(status);
    call.completion->on_call_done(call);
  }

  // Backends may say the same in their own words in front.
  static Status cannot_reshape(std::string_view why) {
    constexpr std::string_view kText = "Model could not be reshaped with requested shape";
    const auto said = why.find(kText);
    if (said != std::string_view::npos) return failed_precondition(std::string(why.substr(said)));
    return failed_precondition(fmt::format("{} - {}", kText, why));
  }

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      if (refuse_expired(lock)) continue;
      try {
        serve_first(lock);
      } catch (const std::exception& failure) {  // memory, or threads where their number is limited
        if (!lock.owns_lock()) lock.lock();
        refuse_first({StatusCode::kResourceExhausted, fmt::format("Out of memory or threads: {}", failure.what())},
                     lock);
      }
    }
  }

  // All of these with the lock held, when they begin and when they end.

  // Runs the first of those that wait, or compiles for it, while it goes on waiting: it may be cancelled, and has its
  // deadline.
  void serve_first(std::unique_lock<std::mutex>& lock) {
    served_ = waiting_.front();
    const auto requested = requested_shapes(*served_, current_->metadata(), load_.config, load_.mapping);
    if (!requested) return forward_first(lock);
    if (const auto* known = refusal_of(*requested)) return refuse_first(*known, lock);
    Status status = compile(*requested, lock);
    if (!served_) return;
    if (status.ok()) return forward_first(lock);
    refuse_first(std::move(status), lock);
  }

  void forward_first(std::unique_lock<std::mutex>& lock) noexcept {
    InferenceCall& call = *waiting_.front();
    take_out(waiting_.begin());
    forward(call, lock);
    lock.lock();
  }

  // Nothing when that one was told meanwhile.
  void refuse_first(Status status, std::unique_lock<std::mutex>& lock) noexcept {
    if (!served_) return;
    InferenceCall& call = *waiting_.front();
    take_out(waiting_.begin());
    lock.unlock();
    refuse(call, std::move(status));
    lock.lock();
  }

  void take_out(const std::deque<InferenceCall*>::iterator& place) noexcept {
    if (*place == served_) served_ = nullptr;
    waiting_.erase(place);
  }

  // Null: there is none, or it was too long ago.
  const Status* refusal_of(const RequestedShapes& requested) noexcept {
    const auto now = Clock::now();
    std::erase_if(refused_, [&](const Refusal& refusal) { return refusal.until <= now; });
    const auto found = std::ranges::find(refused_, requested, &Refusal::shapes);
    return found == refused_.end() ? nullptr : &found->status;
  }

  // Why the model cannot be what is requested. It is not tried again for a while, unless the reason may be gone by
  // then: memory, a device, the file.
  Status refusal(const RequestedShapes& requested, const Status& failure) {
    constexpr StatusCode kPassing[] = {StatusCode::kResourceExhausted, StatusCode::kUnavailable, StatusCode::kCancelled,
                                       StatusCode::kNotFound};
    Status status = cannot_reshape(failure.message());
    if (std::ranges::find(kPassing, failure.code()) != std::end(kPassing)) return status;
    if (refused_.size() >= kMaxRefused) refused_.pop_front();
    refused_.push_back({requested, status, Clock::now() + kRefusedFor});
    return status;
  }

  // What the requested shapes make of the model becomes the current one.
  Status compile(const RequestedShapes& requested, std::unique_lock<std::mutex>& lock) {
    ModelLoad load = load_;
    for (const auto& [name, shape] : requested.shapes) load.options.shapes[name] = shape;
    if (requested.batch) load.options.batch = requested.batch;
    std::optional<Result<std::shared_ptr<Servable>>> made;
    std::thread compiler([&] {
      auto result = load_model(load);
      const std::lock_guard done(mutex_);
      made.emplace(std::move(result));
      changed_ = true;
      wake_.notify_one();
    });
    while (!made) {
      changed_ = false;
      if (!refuse_expired(lock) && !made) wait_for_change(lock);
    }
    lock.unlock();
    compiler.join();
    // The one before goes when its last call has ended; not under the lock.
    std::shared_ptr<Servable> before;
    if (made->ok()) {
      before = std::move(*made).value();
      board_->follow(before->metadata().devices);
      log_.info("Model {} version {} was reshaped for a request", load.config.name, load.version);
    } else {
      log_.warning("Model {} version {} could not be reshaped: {}", load.config.name, load.version,
                   made->status().message());
    }
    lock.lock();
    if (!before) return refusal(requested, made->status());
    current_.swap(before);
    lock.unlock();
    before.reset();
    lock.lock();
    return {};
  }

  // Factories do not throw; what they call may.
  Result<std::shared_ptr<Servable>> load_model(const ModelLoad& load) noexcept {
    try {
      return factory_->load_model(load);
    } catch (const std::exception& failure) {
      return Status(StatusCode::kResourceExhausted, failure.what());
    }
  }

  void wait_for_change(std::unique_lock<std::mutex>& lock) {
    TimePoint next = kNever;
    for (const auto* call : waiting_) next = std::min(next, call->deadline);
    const auto changed = [this] { return changed_; };
    if (next == kNever) {
      wake_.wait(lock, changed);
    } else {
      wake_.wait_until(lock, next, changed);
    }
  }

  // Whether there were any.
  bool refuse_expired(std::unique_lock<std::mutex>& lock) noexcept {
    bool any = false;
    for (;;) {
      const auto now = Clock::now();
      const auto expired = std::ranges::find_if(waiting_, [&](const auto* call) { return call->deadline <= now; });
      if (expired == waiting_.end()) return any;
      any = true;
      InferenceCall& call = **expired;
      take_out(expired);
      lock.unlock();
      refuse(call, {StatusCode::kDeadlineExceeded, "Deadline passed while the model was reshaped"});
      lock.lock();
    }
  }

  struct Refusal {
    RequestedShapes shapes;
    Status status;
    TimePoint until;
  };
  // Shapes that are remembered as refused, and for how long.
  static constexpr std::size_t kMaxRefused = 64;
  static constexpr std::chrono::seconds kRefusedFor{10};

  const std::shared_ptr<ServableFactory> factory_;
  const ModelLoad load_;
  const Log log_;
  // Of the model that is loaded now; metrics keep it.
  const std::shared_ptr<serving::DeviceBoard> board_ =
      std::make_shared<serving::DeviceBoard>(std::vector<std::string>());
  serving::ServableMetadata metadata_;  // constant once this object is made
  std::mutex mutex_;
  std::condition_variable wake_;
  std::shared_ptr<Servable> current_;
  std::deque<InferenceCall*> waiting_;
  // The first of them while it is seen to; null when it was told meanwhile.
  InferenceCall* served_ = nullptr;
  bool changed_ = false;  // something for the waiting thread to look at
  std::unordered_map<InferenceCall*, std::unique_ptr<Relay>> running_;
  std::deque<Refusal> refused_;  // of the waiting thread alone
  bool stopping_ = false;
  std::thread thread_;
};

ReshapingServable::ReshapingServable(std::shared_ptr<ServableFactory> factory, ModelLoad load,
                                     std::shared_ptr<Servable> first, const Log& log)
    : core_(std::make_shared<Core>(std::move(factory), std::move(load), std::move(first), log)) {
  core_->start();
}

ReshapingServable::~ReshapingServable() { core_->stop(); }

const serving::ServableMetadata& ReshapingServable::metadata() const noexcept { return core_->metadata(); }
serving::ServableMetadata ReshapingServable::current_metadata() const { return core_->current_metadata(); }
observability::ServableMetrics& ReshapingServable::metrics() noexcept { return core_->metrics(); }
void ReshapingServable::infer(InferenceCall& call) noexcept { core_->infer(call); }
void ReshapingServable::cancel(InferenceCall& call) noexcept { core_->cancel(call); }

}  // namespace ocelli::repository
