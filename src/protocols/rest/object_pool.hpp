// ObjectPool: keeps objects for reuse, so that the steady state creates none.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace ocelli::rest {

// Thread-safe. Objects live as long as the pool; there are as many as were ever in use at one time, which the
// transport's limits bound.
template <typename Object>
class ObjectPool {
 public:
  // An idle object, or a new one made of arguments. Throws std::bad_alloc.
  template <typename... Arguments>
  Object& acquire(Arguments&&... arguments) {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto* object = idle_.back();
      idle_.pop_back();
      return *object;
    }
    all_.push_back(std::make_unique<Object>(std::forward<Arguments>(arguments)...));
    idle_.reserve(all_.size());
    return *all_.back();
  }
  // Gives an object of this pool back.
  void release(Object& object) noexcept {
    const std::lock_guard lock(mutex_);
    idle_.push_back(&object);
  }
  // Waits until no object is out; false when that takes longer than limit. For the end of the program.
  [[nodiscard]] bool drain(std::chrono::milliseconds limit) const {
    constexpr std::chrono::milliseconds kStep{1};
    for (; in_use() > 0; limit -= kStep) {
      if (limit <= std::chrono::milliseconds::zero()) return false;
      std::this_thread::sleep_for(kStep);
    }
    return true;
  }
  // Objects that are out.
  [[nodiscard]] std::size_t in_use() const {
    const std::lock_guard lock(mutex_);
    return all_.size() - idle_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Object>> all_;
  std::vector<Object*> idle_;
};

}  // namespace ocelli::rest
