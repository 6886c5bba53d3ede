// ObjectPool: keeps the objects that carry requests to servables and back for reuse, and waits for them at the end.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace ocelli::handoff {

// Thread-safe. Creates none in the steady state, but keeps no more than `keep` that are idle: what a burst needed
// beyond that is freed again.
template <typename Object>
class ObjectPool {
 public:
  static constexpr std::size_t kKeep = 1024;
  // Makes an object that returns to this pool.
  using Make = std::function<std::unique_ptr<Object>(ObjectPool& home)>;
  explicit ObjectPool(Make make, std::size_t keep = kKeep) : make_(std::move(make)), keep_(keep) {}
  ObjectPool(const ObjectPool&) = delete;
  ObjectPool& operator=(const ObjectPool&) = delete;

  // An idle object, or a new one; whoever has it gives it back by release(). Throws std::bad_alloc.
  Object& acquire() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) {
      make_room_to_return();
      idle_.push_back(make_(*this));
    }
    auto* object = idle_.back().release();
    idle_.pop_back();
    ++in_use_;
    return *object;
  }
  // Takes an object of this pool back, which may be destroyed: its own functions do nothing after this. The pool may be
  // gone when this returns, if somebody waited in drain().
  void release(Object& object) noexcept {
    std::unique_ptr<Object> returned(&object);
    const std::lock_guard lock(mutex_);
    if (idle_.size() < keep_) idle_.push_back(std::move(returned));
    if (--in_use_ == 0) all_back_.notify_all();
  }
  // Waits until no object is out; false when that takes longer than limit.
  [[nodiscard]] bool drain(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    return all_back_.wait_for(lock, limit, [this] { return in_use_ == 0; });
  }
  // Objects that are out.
  [[nodiscard]] std::size_t in_use() const {
    const std::lock_guard lock(mutex_);
    return in_use_;
  }

 private:
  // With the lock held: release() never allocates.
  void make_room_to_return() {
    const std::size_t needed = std::min(in_use_, keep_) + 1;
    if (idle_.capacity() < needed) idle_.reserve(2 * needed);
  }

  const Make make_;
  const std::size_t keep_;
  mutable std::mutex mutex_;
  std::condition_variable all_back_;
  std::vector<std::unique_ptr<Object>> idle_;
  std::size_t in_use_ = 0;
};

}  // namespace ocelli::handoff
