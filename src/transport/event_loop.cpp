#include "transport/event_loop.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <latch>
#include <thread>

namespace ocelli::transport {
namespace {

constexpr int kEventsPerRound = 128;

Status system_error(const char* what) {
  return {StatusCode::kResourceExhausted, std::string(what) + ": " + std::strerror(errno)};
}

}  // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
  FileDescriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return system_error("epoll_create1");
  FileDescriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return system_error("eventfd");
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;  // edge-triggered: the counter is never read, every write is an edge
  event.data.ptr = nullptr;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0) return system_error("epoll_ctl");
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(epoll), std::move(wake)));
}

EventLoop::EventLoop(FileDescriptor epoll, FileDescriptor wake)
    : epoll_(std::move(epoll)),
      wake_(std::move(wake)),
      events_(std::make_unique<epoll_event[]>(kEventsPerRound)),
      scratch_(new std::byte[kScratchBytes]) {}

EventLoop::~EventLoop() {
  assert(!running_.load());
  while (submitting_.load(std::memory_order_acquire) != 0) std::this_thread::yield();
  for (auto* timer : timers_) timer->position_ = kNotQueued;
}

void EventLoop::run() noexcept {
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  running_.store(true);
  while (!stopping_.load(std::memory_order_acquire)) run_once(Duration::max());
  run_tasks();
  running_.store(false);
}

void EventLoop::stop() noexcept {
  stopping_.store(true, std::memory_order_seq_cst);
  wake();
}

void EventLoop::run_once(Duration max_wait) noexcept {
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  // Order matters: whoever submits first adds its task and then looks at sleeping_, so one of the two sides sees the
  // other.
  sleeping_.store(true, std::memory_order_seq_cst);
  const bool work_waits =
      submitted_.load(std::memory_order_seq_cst) != nullptr || stopping_.load(std::memory_order_seq_cst);
  const int milliseconds = work_waits ? 0 : wait_milliseconds(max_wait);
  const int count = ::epoll_wait(epoll_.get(), events_.get(), kEventsPerRound, milliseconds);
  sleeping_.store(false, std::memory_order_relaxed);
  now_ = Clock::now();
  if (count > 0) dispatch_events(count);
  run_tasks();
  run_timers();
}

int EventLoop::wait_milliseconds(Duration max_wait) noexcept {
  if (!timers_.empty()) max_wait = std::min(max_wait, timers_.front()->queued_ - Clock::now());
  if (max_wait == Duration::max()) return -1;
  if (max_wait <= Duration::zero()) return 0;
  const auto rounded_up = std::chrono::ceil<std::chrono::milliseconds>(max_wait).count();
  return static_cast<int>(std::min<std::int64_t>(rounded_up, INT_MAX));
}

void EventLoop::dispatch_events(int count) noexcept {
  event_count_ = count;
  for (int i = 0; i < event_count_; ++i) {
    if (auto* watcher = static_cast<Watcher*>(events_[i].data.ptr)) watcher->on_ready(events_[i].events);
  }
  event_count_ = 0;
}

void EventLoop::submit(Task& task) noexcept {
  submitting_.fetch_add(1, std::memory_order_relaxed);
  auto* newest = submitted_.load(std::memory_order_relaxed);
  do {
    task.next_ = newest;
  } while (!submitted_.compare_exchange_weak(newest, &task, std::memory_order_seq_cst, std::memory_order_relaxed));
  if (sleeping_.load(std::memory_order_seq_cst) && sleeping_.exchange(false, std::memory_order_seq_cst)) wake();
  submitting_.fetch_sub(1, std::memory_order_release);
}

void EventLoop::wake() noexcept {
  const std::uint64_t one = 1;
  // It can only fail with EAGAIN at 2^64 - 1 unread wake-ups.
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

void EventLoop::run_tasks() noexcept {
  Task* newest = submitted_.exchange(nullptr, std::memory_order_acquire);
  Task* oldest = nullptr;
  while (newest) {
    Task* task = std::exchange(newest, newest->next_);
    task->next_ = std::exchange(oldest, task);
  }
  while (oldest) {
    Task* task = std::exchange(oldest, oldest->next_);
    task->callback_(task->context_);
  }
}

void EventLoop::run_sync(const std::function<void()>& function) {
  if (on_thread() || !running_.load()) return function();
  struct Call {
    const std::function<void()>& function;
    std::latch done{1};
    static void run(void* self) noexcept {
      static_cast<Call*>(self)->function();
      static_cast<Call*>(self)->done.count_down();
    }
  } call{function};
  Task task(&Call::run, &call);
  submit(task);
  call.done.wait();
}

Status EventLoop::watch(int fd, Watcher& watcher) noexcept {
  return add_watch(fd, watcher, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

Status EventLoop::watch_level(int fd, Watcher& watcher) noexcept { return add_watch(fd, watcher, EPOLLIN); }

Status EventLoop::add_watch(int fd, Watcher& watcher, std::uint32_t events) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watcher;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return system_error("epoll_ctl");
  return {};
}

void EventLoop::unwatch(int fd, Watcher& watcher) noexcept {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  for (int i = 0; i < event_count_; ++i) {
    if (events_[i].data.ptr == &watcher) events_[i].data.ptr = nullptr;
  }
}

}  // namespace ocelli::transport
