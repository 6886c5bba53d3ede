// LiveCount: how many objects of a kind are alive, for somebody who must outlive them all.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace ocelli::serving {

// All members are thread-safe. Must not be destroyed while an Entry is alive; it may be as soon as none_within() says
// so.
class LiveCount {
 public:
  // Counted from its making to its end. As the first member of a class it ends after everything else of the object.
  class Entry {
   public:
    explicit Entry(LiveCount& count) : count_(count) { count_.enter(); }
    ~Entry() { count_.leave(); }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

   private:
    LiveCount& count_;
  };

  // Waits until none is alive, for at most limit; whether that is so.
  [[nodiscard]] bool none_within(std::chrono::nanoseconds limit) {
    std::unique_lock lock(mutex_);
    return none_.wait_for(lock, limit, [this] { return alive_ == 0; });
  }

 private:
  void enter() {
    const std::lock_guard lock(mutex_);
    ++alive_;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    // Under the lock: who waits may destroy this object then.
    if (--alive_ == 0) none_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable none_;
  std::size_t alive_ = 0;
};

}  // namespace ocelli::serving
