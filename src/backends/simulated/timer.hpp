// Timer: one thread that wakes tasks at their time.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.hpp"

namespace ocelli::simulated {

// All members are thread-safe. The thread starts with the timer and ends with it; tasks still scheduled then are
// forgotten.
class Timer {
 public:
  // Something that waits for its time. Belongs to whoever schedules it, and must not go away while scheduled.
  class Task {
   public:
    virtual ~Task() = default;
    // On the timer's thread. due is the time that was asked for, so that chains of tasks do not drift.
    virtual void on_timer(TimePoint due) noexcept = 0;

   private:
    friend class Timer;
    TimePoint due_;
  };

  Timer();
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // task must not be scheduled already.
  void schedule(Task& task, TimePoint due);
  // True when the task was still waiting and now is not; false when it has been woken or never was scheduled.
  bool cancel(Task& task) noexcept;

 private:
  static bool later(const Task* a, const Task* b) noexcept;
  void run() noexcept;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Task*> heap_;  // earliest first
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace ocelli::simulated
