// The thread of WorkerSupervisor: starting, listening, giving up and putting back.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "backends/openvino_c/protocol/device_lost.hpp"
#include "backends/openvino_c/supervisor_send.hpp"
#include "backends/openvino_c/worker_supervisor.hpp"

namespace ocelli::openvino_c {
namespace {

// How often limits are looked at while a worker is up, and how often it is asked whether it is there.
constexpr auto kTick = std::chrono::milliseconds(200);
constexpr auto kPingEvery = std::chrono::seconds(1);
constexpr const char* kUnreadable = "the OpenVINO worker sends what cannot be read";
// What a worker may take to close its devices.
constexpr auto kPatience = std::chrono::seconds(6);

int milliseconds_until(TimePoint when, TimePoint now) {
  if (when <= now) return 0;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(when - now).count();
  return static_cast<int>(std::min<long>(left, 60'000));
}

bool same(const ModelSignature& a, const ModelSignature& b) {
  const auto equal = [](const TensorSpec& x, const TensorSpec& y) {
    return x.name == y.name && x.type == y.type && x.shape == y.shape;
  };
  return std::ranges::equal(a.inputs, b.inputs, equal) && std::ranges::equal(a.outputs, b.outputs, equal);
}

}  // namespace

void WorkerSupervisor::serve() {
  Lock lock(mutex_);
  while (!stopping_) step(lock);
  if (worker_) stop_worker(lock);
}

void WorkerSupervisor::work_until(const std::function<bool()>& over) {
  if (std::this_thread::get_id() != thread_.get_id()) return;
  Lock lock(mutex_);
  while (!stopping_ && !over()) step(lock);
}

// What is due now, or else the wait for what comes next.
void WorkerSupervisor::step(Lock& lock) {
  const TimePoint now = Clock::now();
  std::erase_if(stuck_, [](WorkerProcess& process) { return process.reap(); });
  if (!worker_) {
    if (wanted() && now >= next_start_) {
      start_worker(lock);
      return;
    }
  } else if (const std::string reason = overdue(now); !reason.empty()) {
    lose_worker(lock, reason);
    return;
  } else if (!wanted() && now - idle_since_ >= limits_.idle) {
    log_.debug("The OpenVINO worker has no model left and is ended");
    stop_worker(lock);
    return;
  } else {
    restore_refused(now);
    if (now - pinged_ >= kPingEvery && !pong_missing_ && send(Ping{}).ok()) {
      pinged_ = now;
      pong_missing_ = true;
    }
  }
  wait_for_events(lock);
  if (worker_ && !stopping_) receive(lock);
}

void WorkerSupervisor::wait_for_events(Lock& lock) {
  std::array<pollfd, 2> watched{pollfd{wake_.get(), POLLIN, 0},
                                pollfd{worker_ ? worker_->socket().fd() : -1, POLLIN, 0}};
  int limit = -1;
  if (worker_ || !wake_) {
    limit = static_cast<int>(kTick.count());
  } else if (wanted() || !stuck_.empty()) {
    limit = std::max(milliseconds_until(next_start_, Clock::now()), 1);
  }
  lock.unlock();
  (void)::poll(watched.data(), watched.size(), limit);
  std::uint64_t wakes = 0;
  (void)!::read(wake_.get(), &wakes, sizeof wakes);
  lock.lock();
}

std::string WorkerSupervisor::overdue(TimePoint now) const {
  if (!condemned_.empty()) return condemned_;
  if (pong_missing_ && now - pinged_ > limits_.silence) return "the OpenVINO worker has not answered for too long";
  for (const auto& [id, request] : requests_) {
    if (request.running && request.until < now) return "the OpenVINO worker has not finished a run in time";
    if (!request.opened && request.until < now && request.until != TimePoint{})
      return "the OpenVINO worker has not made a request in time";
  }
  for (const auto& [id, model] : models_) {
    const bool waits = model.state != ModelState::kReady && model.state != ModelState::kLost;
    if (waits && model.due < now)
      return fmt::format("the OpenVINO worker has not compiled or released {} in time", model.wanted.path);
  }
  return "";
}

void WorkerSupervisor::start_worker(Lock& lock) {
  lock.unlock();
  auto started = WorkerProcess::start(program_, location_);
  auto hello = started.ok() ? wait_for_hello(*started) : Result<Hello>(started.status());
  std::string ended;
  if (!hello.ok() && started.ok()) ended = started->end(std::chrono::seconds(1));
  lock.lock();
  if (!hello.ok()) {
    if (started.ok() && !started->reap()) stuck_.push_back(std::move(*started));
    worker_failed(hello.status());
    return;
  }
  worker_ = std::move(*started);
  version_ = hello->version;
  failure_ = {};
  condemned_.clear();
  up_since_ = idle_since_ = pinged_ = Clock::now();
  pong_missing_ = false;
  log_.info("OpenVINO {} runs in worker process {}", version_, worker_->pid());
  for (auto& [id, model] : models_) restore(model);
  changed_.notify_all();
}

void WorkerSupervisor::worker_failed(const Status& status) {
  failure_ = unavailable(fmt::format("OpenVINO of {} cannot run: {}", location_.library.string(), status.message()));
  log_.warning("{}", failure_.message());
  ++failed_starts_;
  next_start_ = Clock::now() + delay_;
  delay_ = std::min(2 * delay_, limits_.last_delay);
  changed_.notify_all();
}

Result<Hello> WorkerSupervisor::wait_for_hello(WorkerProcess& worker) {
  const TimePoint until = Clock::now() + limits_.hello;
  while (true) {
    std::array<pollfd, 2> watched{pollfd{wake_.get(), POLLIN, 0}, pollfd{worker.socket().fd(), POLLIN, 0}};
    if (::poll(watched.data(), watched.size(), milliseconds_until(until, Clock::now())) == 0)
      return Status(StatusCode::kUnavailable, "the worker did not load the library in time");
    std::uint64_t wakes = 0;
    (void)!::read(wake_.get(), &wakes, sizeof wakes);
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return Status(StatusCode::kUnavailable, "the server is stopping");
    }
    auto packet = worker.socket().receive();
    if (!packet.ok()) return unavailable("the worker ended while it loaded the library");
    if (packet->bytes.empty()) continue;
    Hello hello;
    if (!MessageReader::read(packet->bytes, hello)) return unavailable("the worker is of another build");
    if (!hello.status.ok()) return hello.status;
    return hello;
  }
}

void WorkerSupervisor::stop_worker(Lock& lock) {
  WorkerProcess worker = std::move(*worker_);
  worker_.reset();
  lock.unlock();
  const std::string ended = worker.end(kPatience);
  lock.lock();
  log_.debug("The OpenVINO worker {}", ended);
  if (!worker.reap()) stuck_.push_back(std::move(worker));
}

void WorkerSupervisor::lose_worker(Lock& lock, const std::string& reason) {
  const TimePoint now = Clock::now();
  if (now - up_since_ >= limits_.steady) delay_ = limits_.first_delay;
  next_start_ = now + delay_;
  delay_ = std::min(2 * delay_, limits_.last_delay);
  WorkerProcess worker = std::move(*worker_);
  worker_.reset();
  failure_ = device_lost("its OpenVINO worker process is gone");
  lock.unlock();
  const std::string ended = worker.end(std::chrono::milliseconds(reason.empty() ? 100 : 0));
  lock.lock();
  const std::string why = reason.empty() ? "its OpenVINO worker process " + ended : reason;
  failure_ = device_lost(why);
  ++losses_;
  log_.error("{}; it is started again", failure_.message());
  if (!worker.reap()) stuck_.push_back(std::move(worker));

  std::erase_if(models_, [](const auto& entry) { return entry.second.state == ModelState::kReleasing; });
  for (auto& [id, model] : models_) {
    if (model.state == ModelState::kCompiling && !model.answer) {
      model.answer = ModelCompiled{id, failure_, {}, {}};
    } else {
      model.state = ModelState::kLost;
      model.due = TimePoint::max();
    }
  }
  std::vector<std::pair<std::uint64_t, RunHandler*>> running;
  for (auto& [id, request] : requests_) {
    request.opened.reset();  // whoever waits for it in open() is told by losses_
    request.until = TimePoint{};
    if (request.running) running.emplace_back(id, request.handler);
    request.running = false;
  }
  changed_.notify_all();
  const Status lost = failure_;
  for (const auto& [id, handler] : running) deliver(lock, id, *handler, &lost);
}

// Tells a handler without the mutex: lost, or else what done_ says.
void WorkerSupervisor::deliver(Lock& lock, std::uint64_t request, RunHandler& handler, const Status* lost) {
  delivering_.push_back(request);
  lock.unlock();
  if (lost) {
    handler.on_run_lost(*lost);
  } else {
    handler.on_run_done(done_);
  }
  lock.lock();
  delivering_.pop_back();
  changed_.notify_all();
}

void WorkerSupervisor::receive(Lock& lock) {
  while (worker_ && !stopping_) {
    auto packet = worker_->socket().receive();
    if (!packet.ok()) {
      lose_worker(lock, packet.status().code() == StatusCode::kInternal ? kUnreadable : "");
      return;
    }
    if (packet->bytes.empty()) return;
    const auto losses = losses_;
    if (auto status = dispatch(lock, *packet); !status.ok()) {
      // Unless a handler waited for another run, which found the worker lost too.
      if (losses_ == losses) lose_worker(lock, std::string(status.message()));
      return;
    }
  }
}

Status WorkerSupervisor::dispatch(Lock& lock, const Packet& packet) {
  const auto refused = [] { return internal_error(kUnreadable); };
  switch (MessageReader::type_of(packet.bytes).value_or(MessageType{})) {
    case MessageType::kRunDone:
      return on_run_done(lock, packet.bytes);
    case MessageType::kPong:
      pong_missing_ = false;
      return {};
    case MessageType::kDevices:
      if (!MessageReader::read(packet.bytes, devices_)) return refused();
      ++device_answers_;
      break;
    case MessageType::kModelCompiled: {
      ModelCompiled answer;
      if (!MessageReader::read(packet.bytes, answer)) return refused();
      on_compiled(std::move(answer));
      break;
    }
    case MessageType::kRequestOpened: {
      RequestOpened opened;
      if (!MessageReader::read(packet.bytes, opened)) return refused();
      on_opened(opened);
      break;
    }
    case MessageType::kModelReleased: {
      ModelReleased released;
      if (!MessageReader::read(packet.bytes, released)) return refused();
      const auto found = models_.find(released.model);
      if (found != models_.end() && found->second.state == ModelState::kReleasing) models_.erase(found);
      break;
    }
    default:
      return refused();
  }
  changed_.notify_all();
  return {};
}

Status WorkerSupervisor::on_run_done(Lock& lock, std::span<const std::byte> bytes) {
  if (!MessageReader::read(bytes, done_)) return internal_error(kUnreadable);
  const auto found = requests_.find(done_.request);
  if (found == requests_.end() || !found->second.running || found->second.run != done_.run) return {};
  found->second.running = false;
  // A handler that waits for another run has done_ filled anew.
  const Status status = done_.status;
  deliver(lock, done_.request, *found->second.handler, nullptr);
  // A stick that was pulled comes back only in a process that opens it anew.
  if (status.code() == StatusCode::kUnavailable) return unavailable(std::string(status.message()));
  return {};
}

void WorkerSupervisor::restore(Model& model) {
  model.state = ModelState::kRestoring;
  model.due = Clock::now() + limits_.compile;
  if (model.delay == Duration{}) model.delay = limits_.first_delay;
  log_.info("{} is compiled again for {}", model.wanted.path, model.wanted.device);
  // A worker that cannot be told is gone, which the next receive finds.
  (void)send(model.wanted);
}

void WorkerSupervisor::restore_refused(TimePoint now) {
  for (auto& [id, model] : models_) {
    if (model.state == ModelState::kLost && model.due <= now) restore(model);
  }
}

void WorkerSupervisor::on_compiled(ModelCompiled answer) {
  const auto found = models_.find(answer.model);
  if (found == models_.end()) {
    // Whoever wanted it has given up.
    if (answer.status.ok()) (void)send(ReleaseModel{answer.model});
    return;
  }
  Model& model = found->second;
  if (model.state == ModelState::kCompiling) {
    // Here and not where it is waited for: should the worker die before that thread wakes, the model is lost and not
    // ready.
    if (answer.status.ok()) model.state = ModelState::kReady;
    model.answer = std::move(answer);
  } else if (model.state == ModelState::kRestoring) {
    if (answer.status.ok() && same(answer.signature, model.answer->signature)) {
      reopen(found->first, model);
      return;
    }
    const std::string reason(answer.status.ok() ? "it has another signature now" : answer.status.message());
    failure_ = device_lost(reason);
    log_.warning("{} cannot be compiled again for {}: {}", model.wanted.path, model.wanted.device, reason);
    model.state = ModelState::kLost;
    model.due = Clock::now() + model.delay;
    model.delay = std::min(2 * model.delay, limits_.last_delay);
  }
}

// All requests are made before any of them runs: OpenVINO reads the very graph that a run of a dynamic model changes.
void WorkerSupervisor::reopen(std::uint64_t id, Model& model) {
  model.state = ModelState::kOpening;
  model.due = Clock::now() + limits_.call;
  model.opens_left = 0;
  for (auto& [request_id, request] : requests_) {
    if (request.model != id) continue;
    request.opened.reset();
    request.until = Clock::now() + limits_.call;
    if (open_in_worker(request_id, request).ok()) ++model.opens_left;
  }
  if (model.opens_left == 0) model_ready(model);
}

void WorkerSupervisor::on_opened(const RequestOpened& opened) {
  const auto found = requests_.find(opened.request);
  if (found == requests_.end()) return;
  found->second.opened = opened.status;
  const auto model = models_.find(found->second.model);
  if (model == models_.end() || model->second.state != ModelState::kOpening) return;
  if (--model->second.opens_left == 0) model_ready(model->second);
}

void WorkerSupervisor::model_ready(Model& model) {
  model.state = ModelState::kReady;
  model.delay = limits_.first_delay;
  failure_ = {};
  log_.info("{} runs on {} again", model.wanted.path, model.wanted.device);
}

}  // namespace ocelli::openvino_c
