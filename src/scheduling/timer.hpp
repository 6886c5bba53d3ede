// Timer: one thread that wakes its clients when they asked for it.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.hpp"

namespace ocelli::scheduling {

// Called on the timer's thread, so it must be short. It may arm itself again.
class TimerClient {
 public:
  virtual void on_timer(TimePoint now) noexcept = 0;

 protected:
  ~TimerClient() = default;
};

// All members are thread-safe. Meant for tens to hundreds of long-lived clients (one per loaded model) that each keep
// track of their own earliest deadline; arming allocates nothing. Must outlive its clients' registration.
class Timer {
 public:
  Timer();
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // From now on the client may be armed; it must be removed before it goes.
  void add(TimerClient& client);
  // When it returns, the client is not being called and will not be. Not to be called from within on_timer.
  void remove(TimerClient& client) noexcept;
  // Wakes an added client once, at `when` or at an earlier time that it was armed for and that has not come yet.
  void arm(TimerClient& client, TimePoint when) noexcept;

 private:
  struct Entry {
    TimerClient* client;
    TimePoint due = kNever;
  };

  void work();
  // Null when none is armed.
  Entry* earliest() noexcept;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable called_;
  std::vector<Entry> entries_;
  TimerClient* calling_ = nullptr;
  TimePoint sleeping_until_ = kNever;
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace ocelli::scheduling
