#include "backends/openvino_c/worker_supervisor.hpp"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "backends/openvino_c/protocol/device_lost.hpp"
#include "backends/openvino_c/supervisor_send.hpp"

namespace ocelli::openvino_c {

WorkerSupervisor::WorkerSupervisor(std::filesystem::path program, LibraryLocation location, const WorkerLimits& limits,
                                   Log log)
    : program_(std::move(program)),
      location_(std::move(location)),
      limits_(limits),
      log_(std::move(log)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      delay_(limits.first_delay),
      thread_([this] { serve(); }) {}

WorkerSupervisor::~WorkerSupervisor() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  wake();
  thread_.join();
}

void WorkerSupervisor::wake() noexcept {
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

std::string WorkerSupervisor::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

pid_t WorkerSupervisor::worker_pid() const {
  const std::lock_guard lock(mutex_);
  return worker_ ? worker_->pid() : -1;
}

Status WorkerSupervisor::need_worker(Lock& lock) {
  if (worker_) return {};
  const std::uint64_t failed_before = failed_starts_;
  const TimePoint until = Clock::now() + limits_.hello + limits_.last_delay + limits_.call;
  ++waiting_;
  wake();
  (void)changed_.wait_until(lock, until, [&] { return worker_ || failed_starts_ != failed_before || stopping_; });
  --waiting_;
  if (worker_) return {};
  return failure_.ok() ? unavailable("the OpenVINO worker did not start in time") : failure_;
}

Result<std::vector<WorkerDevice>> WorkerSupervisor::list_devices() {
  Lock lock(mutex_);
  if (auto status = need_worker(lock); !status.ok()) return status;
  const auto answers_before = device_answers_;
  const auto losses_before = losses_;
  if (auto status = send(ListDevices{}); !status.ok()) return status;
  const auto answered = [&] { return device_answers_ != answers_before || losses_ != losses_before; };
  if (!changed_.wait_until(lock, Clock::now() + limits_.call, answered)) {
    condemned_ = "the OpenVINO worker does not say which devices it has";
    wake();
    return unavailable("the OpenVINO worker does not say which devices it has");
  }
  if (device_answers_ == answers_before) return no_worker();
  if (!devices_.status.ok()) return devices_.status;
  return devices_.devices;
}

// The supervisor's thread sees to it that each wait below ends: it gives up a worker that does not answer in time.
Result<ModelCompiled> WorkerSupervisor::compile(CompileModel wanted) {
  Lock lock(mutex_);
  if (auto status = need_worker(lock); !status.ok()) return status;
  const std::uint64_t id = next_id_++;
  wanted.model = id;
  Model& model = models_[id];
  model.wanted = std::move(wanted);
  model.due = Clock::now() + limits_.compile;
  Status status = send(model.wanted);
  if (status.ok()) {
    changed_.wait(lock, [&] { return model.answer.has_value() || stopping_; });
    status = model.answer ? model.answer->status : unavailable("the server is stopping");
  }
  if (!status.ok()) {
    models_.erase(id);
    idle_since_ = Clock::now();
    return status;
  }
  // on_compiled() has said that it is ready; it is lost again already when its worker died since.
  return *model.answer;
}

void WorkerSupervisor::release(std::uint64_t id) {
  Lock lock(mutex_);
  const auto found = models_.find(id);
  if (found == models_.end()) return;
  const bool is_there = worker_ && found->second.state != ModelState::kLost;
  found->second.state = ModelState::kReleasing;
  found->second.due = Clock::now() + limits_.call;
  // Answered by on_released or by the loss of the worker, both of which forget the model.
  if (is_there && send(ReleaseModel{id}).ok()) {
    changed_.wait(lock, [&] { return !models_.contains(id) || stopping_; });
  }
  models_.erase(id);
  idle_since_ = Clock::now();
  wake();
}

Status WorkerSupervisor::open_in_worker(std::uint64_t id, const Request& request) {
  return send(OpenRequest{request.model, id}, request.memory);
}

Result<std::uint64_t> WorkerSupervisor::open(std::uint64_t model, int memory, RunHandler& handler) {
  Lock lock(mutex_);
  const auto found = models_.find(model);
  if (found == models_.end() || found->second.state != ModelState::kReady) return why_not_ready(model);
  const std::uint64_t id = next_id_++;
  const std::uint64_t losses_before = losses_;
  Request& request = requests_[id];
  request.model = model;
  request.memory = memory;
  request.handler = &handler;
  request.until = Clock::now() + limits_.call;
  Status status = open_in_worker(id, request);
  if (status.ok()) {
    changed_.wait(lock, [&] { return request.opened.has_value() || losses_ != losses_before || stopping_; });
    if (losses_ != losses_before) {
      status = why_not_ready(model);  // also when a new worker has made it meanwhile: what was told is of the old one
    } else {
      status = request.opened.value_or(unavailable("the server is stopping"));
    }
  }
  if (status.ok()) return id;
  drop(id);
  return status;
}

void WorkerSupervisor::close(std::uint64_t id) {
  Lock lock(mutex_);
  if (std::this_thread::get_id() != thread_.get_id())
    changed_.wait(lock, [&] { return std::ranges::find(delivering_, id) == delivering_.end(); });
  drop(id);
}

// Also of a request that is being made again: the model does not wait for it any longer.
void WorkerSupervisor::drop(std::uint64_t id) {
  const auto found = requests_.find(id);
  if (found == requests_.end()) return;
  if (worker_) (void)send(CloseRequest{id});
  const auto model = models_.find(found->second.model);
  const bool awaited = model != models_.end() && model->second.state == ModelState::kOpening && !found->second.opened;
  requests_.erase(found);
  if (awaited && --model->second.opens_left == 0) model_ready(model->second);
}

Status WorkerSupervisor::start(const StartRun& run) {
  const std::lock_guard lock(mutex_);
  const auto found = requests_.find(run.request);
  if (found == requests_.end()) return internal_error("the request is closed");
  Request& request = found->second;
  const auto model = models_.find(request.model);
  if (model == models_.end() || model->second.state != ModelState::kReady) return why_not_ready(request.model);
  if (!request.opened || !request.opened->ok())
    return device_lost(request.opened ? request.opened->message() : "the request is not in the worker yet");
  if (request.running) return internal_error("the request runs already");
  if (auto status = send(run); !status.ok()) return status;
  request.running = true;
  request.run = run.run;
  request.until = Clock::now() + limits_.run;
  return {};
}

Status WorkerSupervisor::no_worker() const {
  return device_lost(failure_.ok() ? "there is no OpenVINO worker" : failure_.message());
}

Status WorkerSupervisor::why_not_ready(std::uint64_t id) const {
  const auto model = models_.find(id);
  if (model == models_.end()) return device_lost("the model is not in the OpenVINO worker");
  if (!failure_.ok()) return no_worker();
  return device_lost(fmt::format("{} is being made ready again in a new OpenVINO worker", model->second.wanted.device));
}

void WorkerSupervisor::cancel(std::uint64_t id, std::uint64_t run) {
  const std::lock_guard lock(mutex_);
  const auto found = requests_.find(id);
  if (worker_ && found != requests_.end() && found->second.running && found->second.run == run)
    (void)send(CancelRun{id, run});
}

}  // namespace ocelli::openvino_c
