// SignalWatch: SIGTERM, SIGINT and SIGHUP as an event.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/clock.hpp"

namespace ocelli::server {

// Create it before any other thread is started: it blocks the signals for them all. One at a time in a program. The
// first signal ends wait(). A person who is impatient types Ctrl-C again: a SIGINT that comes a second or more after it
// ends the process at once with exit code 1. SIGTERM and SIGHUP never do: `timeout` sends its signal twice, a terminal
// hangs up more than once, and what is in flight is to be finished. From the first signal on the process does not die
// of any of them. SIGHUP is left alone where it is ignored already (nohup). SIGPIPE is ignored from here on; SIGXFSZ is
// by the whole program (cli/program.cpp).
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  // Blocks until a signal came or other() is true; call notify() when its result may have changed. other is called with
  // a lock held.
  void wait(const std::function<bool()>& other = [] { return false; });
  // Makes wait() look at its condition again. Thread-safe.
  void notify() noexcept;

 private:
  void watch();

  std::mutex mutex_;
  std::condition_variable changed_;
  bool requested_ = false;  // guarded by mutex_
  TimePoint requested_at_{};
  bool closing_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace ocelli::server
