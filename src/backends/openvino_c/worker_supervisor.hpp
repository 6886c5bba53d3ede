// WorkerSupervisor: keeps a worker process running, talks with it, and puts back what it held when it was lost.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "backends/openvino_c/library_location.hpp"
#include "backends/openvino_c/protocol/message_codec.hpp"
#include "backends/openvino_c/worker_launcher.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"

namespace ocelli::openvino_c {

// How long things may take; beyond it the worker counts as lost.
struct WorkerLimits {
  Duration hello = std::chrono::seconds(60);              // loading the library and its plugins
  Duration call = std::chrono::seconds(30);               // listing devices, making and releasing
  Duration compile = std::chrono::minutes(10);            // a stick takes a minute for a large model
  Duration run = std::chrono::minutes(2);                 // one run
  Duration silence = std::chrono::seconds(30);            // between a ping and its answer
  Duration idle = std::chrono::seconds(10);               // without a model, before the worker is ended
  Duration first_delay = std::chrono::milliseconds(100);  // before a lost worker is started again; doubles each time
  Duration last_delay = std::chrono::seconds(10);
  Duration steady = std::chrono::seconds(30);  // a worker that lived so long starts with first_delay again
};

// Told about the runs of one request, on the supervisor's thread; must not throw.
class RunHandler {
 public:
  // The worker's answer; its lists belong to the supervisor.
  virtual void on_run_done(const RunDone& done) noexcept = 0;
  // The worker was lost: kUnavailable.
  virtual void on_run_lost(const Status& status) noexcept = 0;

 protected:
  ~RunHandler() = default;
};

// Thread-safe. The worker is started when something needs it. When it is lost, runs under way end with kUnavailable and
// the reason, a new one is started with growing delays, and models and requests are made in it again; until then their
// runs are refused with kUnavailable. One thread does all that and carries the answers.
class WorkerSupervisor {
 public:
  WorkerSupervisor(std::filesystem::path program, LibraryLocation location, const WorkerLimits& limits, Log log);
  // Ends the worker. All models must have been released.
  ~WorkerSupervisor();
  WorkerSupervisor(const WorkerSupervisor&) = delete;
  WorkerSupervisor& operator=(const WorkerSupervisor&) = delete;

  // The library's release, once a worker has said so; else empty.
  [[nodiscard]] std::string version() const;
  // The process that runs now; -1: none.
  [[nodiscard]] pid_t worker_pid() const;

  // These wait, within the limits above. kUnavailable when there is no worker, else the worker's own error.
  Result<std::vector<WorkerDevice>> list_devices();
  // Numbers the model and remembers it until release().
  Result<ModelCompiled> compile(CompileModel wanted);
  // Gives a model, by its number, back; its requests must have been closed.
  void release(std::uint64_t id);
  // Makes a request whose tensors lie in memory, which must live until close().
  Result<std::uint64_t> open(std::uint64_t model, int memory, RunHandler& handler);
  // Waits until the handler has returned, unless that is what calls this. No run may be under way.
  void close(std::uint64_t id);

  // Starts a run, of which the handler is told once. On an error it is not. Allocates nothing in the steady state.
  Status start(const StartRun& run);
  // Asks a run of the request of that number to stop early.
  void cancel(std::uint64_t id, std::uint64_t run);
  // For a handler that waits for another run: does the supervisor's work until over says true, or the supervisor ends.
  // Elsewhere it does nothing.
  void work_until(const std::function<bool()>& over);

 private:
  using Lock = std::unique_lock<std::mutex>;
  enum class ModelState : std::uint8_t { kCompiling, kReady, kLost, kRestoring, kOpening, kReleasing };
  struct Model {
    CompileModel wanted;
    ModelState state = ModelState::kCompiling;
    std::optional<ModelCompiled> answer;
    std::size_t opens_left = 0;  // while kOpening
    TimePoint due{};             // the answer's limit; while kLost, when to try again what the device refused
    Duration delay{};            // between such tries
  };
  struct Request {
    std::uint64_t model = 0;
    int memory = -1;
    RunHandler* handler = nullptr;
    std::optional<Status> opened;  // by the worker that runs now
    bool running = false;
    std::uint64_t run = 0;
    TimePoint until{};
  };

  // The supervisor's thread.
  void serve();
  void step(Lock& lock);
  void deliver(Lock& lock, std::uint64_t request, RunHandler& handler, const Status* lost);
  void start_worker(Lock& lock);
  Result<Hello> wait_for_hello(WorkerProcess& worker);
  void worker_failed(const Status& status);
  void stop_worker(Lock& lock);
  void lose_worker(Lock& lock, const std::string& reason);
  void wait_for_events(Lock& lock);
  void receive(Lock& lock);
  Status dispatch(Lock& lock, const Packet& packet);
  Status on_run_done(Lock& lock, std::span<const std::byte> bytes);
  void on_compiled(ModelCompiled answer);
  void on_opened(const RequestOpened& opened);
  void restore(Model& model);
  void reopen(std::uint64_t id, Model& model);
  void model_ready(Model& model);
  [[nodiscard]] std::string overdue(TimePoint now) const;
  void restore_refused(TimePoint now);
  [[nodiscard]] bool wanted() const { return waiting_ > 0 || !models_.empty(); }

  // With the mutex held; the first waits.
  Status need_worker(Lock& lock);
  void wake() noexcept;
  [[nodiscard]] Status no_worker() const;
  [[nodiscard]] Status why_not_ready(std::uint64_t id) const;
  template <typename Message>
  Status send(const Message& message, int attached = -1);
  Status open_in_worker(std::uint64_t id, const Request& request);
  void drop(std::uint64_t id);

  const std::filesystem::path program_;
  const LibraryLocation location_;
  const WorkerLimits limits_;
  const Log log_;
  Descriptor wake_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::optional<WorkerProcess> worker_;  // while one is up
  std::vector<WorkerProcess> stuck_;     // killed, but not gone yet
  MessageWriter writer_;
  RunDone done_;  // of the supervisor's thread; its lists keep their memory
  std::string version_;
  Status failure_;  // why there is no worker
  std::uint64_t failed_starts_ = 0;
  std::size_t waiting_ = 0;  // callers that need a worker
  TimePoint up_since_{};
  TimePoint idle_since_{};
  TimePoint next_start_{};
  Duration delay_{};
  TimePoint pinged_{};
  bool pong_missing_ = false;
  std::string condemned_;  // why a caller gave the worker up; empty: it did not
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, Model> models_;
  std::map<std::uint64_t, Request> requests_;
  // Requests whose handlers run now: several, when a handler waits for another run.
  std::vector<std::uint64_t> delivering_;
  std::uint64_t device_answers_ = 0;
  std::uint64_t losses_ = 0;
  Devices devices_;
  std::thread thread_;
};

}  // namespace ocelli::openvino_c
