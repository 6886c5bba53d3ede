// EventLoop: one thread's sockets, timers and tasks, over epoll.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/status.hpp"
#include "transport/file_descriptor.hpp"

struct epoll_event;

namespace ocelli::transport {

// Adapts a member function to the plain callbacks below: Task task{&call_member<Connection, &Connection::resume>,
// this}.
template <typename T, void (T::*Method)() noexcept>
void call_member(void* object) noexcept {
  (static_cast<T*>(object)->*Method)();
}

// Everything that belongs to a loop (watchers, timers) is touched only on its thread; submit(), stop() and run_sync()
// may be called from any. Sockets are watched edge-triggered and are registered once, tasks and timers are members of
// their owners: a steady state makes no heap allocation and no system call but the reads, the writes and one wait.
class EventLoop {
 public:
  using Callback = void (*)(void* context) noexcept;

  // Told that a watched descriptor changed. events holds EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR; read or
  // write until it would block.
  class Watcher {
   public:
    virtual void on_ready(std::uint32_t events) noexcept = 0;

   protected:
    ~Watcher() = default;
  };

  // Something to be run once on the loop. Its owner keeps it alive until it has run; it may be submitted again from
  // then on, also by itself.
  class Task {
   public:
    Task(Callback callback, void* context) noexcept : callback_(callback), context_(context) {}
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;

   private:
    friend class EventLoop;
    Task* next_ = nullptr;
    Callback callback_;
    void* context_;
  };

  // Calls back once when its time has come. Destroying it disarms it. Resolution: one millisecond, never early.
  class Timer {
   public:
    Timer(EventLoop& loop, Callback callback, void* context) noexcept
        : loop_(loop), callback_(callback), context_(context) {}
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    // Sets or moves the time; kNever disarms. Moving it later, the usual case, costs nothing but a store.
    void arm(TimePoint when) noexcept;
    void disarm() noexcept { when_ = kNever; }
    [[nodiscard]] TimePoint when() const noexcept { return when_; }

   private:
    friend class EventLoop;
    EventLoop& loop_;
    Callback callback_;
    void* context_;
    TimePoint when_ = kNever;    // what the owner wants
    TimePoint queued_ = kNever;  // where the heap has it: never later than when_
    std::size_t position_ = kNotQueued;
  };

  // Fails with kResourceExhausted when the system gives no descriptor.
  static Result<std::unique_ptr<EventLoop>> create();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs until stop(); the calling thread becomes the loop's thread.
  void run() noexcept;
  // Any thread. run() returns after the current round.
  void stop() noexcept;
  // One round: waits at most max_wait for events, then runs what is due. For run() and for tests; the caller becomes
  // the loop's thread.
  void run_once(Duration max_wait) noexcept;

  // Any thread, wait-free but for one system call when the loop sleeps. Tasks of one thread run in their order.
  void submit(Task& task) noexcept;
  // Runs function on the loop's thread and waits for it; at once when this is that thread or the loop does not run.
  // Control plane only.
  void run_sync(const std::function<void()>& function);
  [[nodiscard]] bool on_thread() const noexcept {
    return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

  // Loop's thread only. Edge-triggered for reading, writing and the peer's close, until unwatch().
  Status watch(int fd, Watcher& watcher) noexcept;
  // Level-triggered for reading only: for listening sockets.
  Status watch_level(int fd, Watcher& watcher) noexcept;
  // After this the watcher is not called again, not even for events that were already fetched. Call it before the
  // descriptor is closed.
  void unwatch(int fd, Watcher& watcher) noexcept;

  // The time of this round: read once per wake-up.
  [[nodiscard]] TimePoint now() const noexcept { return now_; }

  // Room for one thread's transient bytes, shared by all its connections: valid only until the callback that uses it
  // returns.
  static constexpr std::size_t kScratchBytes = std::size_t{64} * 1024;
  [[nodiscard]] std::span<std::byte> scratch() noexcept { return {scratch_.get(), kScratchBytes}; }

  // How many connections live here; the listener gives new ones to the loop with the fewest. Any thread.
  [[nodiscard]] int load() const noexcept { return load_.load(std::memory_order_relaxed); }

 private:
  friend class LoadShare;
  static constexpr std::size_t kNotQueued = static_cast<std::size_t>(-1);

  EventLoop(FileDescriptor epoll, FileDescriptor wake);
  Status add_watch(int fd, Watcher& watcher, std::uint32_t events) noexcept;
  int wait_milliseconds(Duration max_wait) noexcept;
  void dispatch_events(int count) noexcept;
  void run_tasks() noexcept;
  void run_timers() noexcept;
  void wake() noexcept;

  void heap_push(Timer& timer) noexcept;
  void heap_remove(Timer& timer) noexcept;
  void heap_place(std::size_t position, Timer& timer) noexcept;
  void heap_up(std::size_t position) noexcept;
  void heap_down(std::size_t position) noexcept;

  FileDescriptor epoll_;
  FileDescriptor wake_;
  std::atomic<Task*> submitted_{nullptr};  // newest first
  std::atomic<bool> sleeping_{false};
  // Threads inside submit(). A task may run, and all that it stood for end, before its submitter has returned: the loop
  // must not go meanwhile.
  std::atomic<int> submitting_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> running_{false};
  std::atomic<std::thread::id> thread_{};
  std::atomic<int> load_{0};
  TimePoint now_ = Clock::now();
  std::vector<Timer*> timers_;  // binary heap by queued_
  std::unique_ptr<epoll_event[]> events_;
  int event_count_ = 0;  // of the round being dispatched
  std::unique_ptr<std::byte[]> scratch_;
};

// Counts one connection towards a loop's load while it lives. Move-only.
class LoadShare {
 public:
  LoadShare() noexcept = default;
  explicit LoadShare(EventLoop& loop) noexcept : loop_(&loop) { loop.load_.fetch_add(1, std::memory_order_relaxed); }
  LoadShare(LoadShare&& other) noexcept : loop_(std::exchange(other.loop_, nullptr)) {}
  LoadShare& operator=(LoadShare&& other) noexcept {
    std::swap(loop_, other.loop_);
    return *this;
  }
  ~LoadShare() {
    if (loop_) loop_->load_.fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  EventLoop* loop_ = nullptr;
};

}  // namespace ocelli::transport
