// Watcher: a thread that looks again and again whether something has changed.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace ocelli::repository {

// Thread-safe.
class Watcher {
 public:
  // Calls look once per interval, counted from the end of the call before, on a thread of its own. No thread when
  // interval is 0.
  Watcher(std::chrono::milliseconds interval, std::function<void()> look);
  ~Watcher() { stop(); }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  // Wakes the thread and waits for its end, and so for a call of look that is under way. Not to be called from look.
  void stop() noexcept;

 private:
  void work();

  const std::chrono::milliseconds interval_;
  const std::function<void()> look_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace ocelli::repository
