// ObjectPool: keeps the objects that carry requests to servables and back for reuse, and waits for them at the end.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace ocelli::handoff {

// Thread-safe. Objects live as long as the pool; there are as many as were ever in use at one time, which the
// transport's limits bound. The steady state creates none.
template <typename Object>
class ObjectPool {
 public:
  // Makes an object that returns to this pool.
  using Make = std::function<std::unique_ptr<Object>(ObjectPool& home)>;
  explicit ObjectPool(Make make) : make_(std::move(make)) {}
  ObjectPool(const ObjectPool&) = delete;
  ObjectPool& operator=(const ObjectPool&) = delete;

  // An idle object, or a new one. Throws std::bad_alloc.
  Object& acquire() {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto* object = idle_.back();
      idle_.pop_back();
      return *object;
    }
    all_.push_back(make_(*this));
    idle_.reserve(all_.capacity());
    return *all_.back();
  }
  // Gives an object of this pool back. The pool may be gone when this returns, if somebody waited in drain().
  void release(Object& object) noexcept {
    const std::lock_guard lock(mutex_);
    idle_.push_back(&object);
    if (idle_.size() == all_.size()) all_back_.notify_all();
  }
  // Waits until no object is out; false when that takes longer than limit.
  [[nodiscard]] bool drain(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    return all_back_.wait_for(lock, limit, [this] { return idle_.size() == all_.size(); });
  }
  // Objects that are out.
  [[nodiscard]] std::size_t in_use() const {
    const std::lock_guard lock(mutex_);
    return all_.size() - idle_.size();
  }

 private:
  const Make make_;
  mutable std::mutex mutex_;
  std::condition_variable all_back_;
  std::vector<std::unique_ptr<Object>> all_;
  std::vector<Object*> idle_;
};

}  // namespace ocelli::handoff
