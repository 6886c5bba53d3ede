// JobPool: keeps jobs for reuse, so that the steady state creates none.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace ocelli::rpc {

// Thread-safe. Jobs live as long as the pool; there are as many as were ever in use at one time, which the transport's
// limits bound.
template <typename Job>
class JobPool {
 public:
  using Make = std::function<std::unique_ptr<Job>()>;
  explicit JobPool(Make make) : make_(std::move(make)) {}

  // An idle job, or a new one. Throws std::bad_alloc.
  Job& acquire() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) {
      all_.push_back(make_());
      idle_.reserve(all_.capacity());
      return *all_.back();
    }
    auto* job = idle_.back();
    idle_.pop_back();
    return *job;
  }
  // Gives a job of this pool back.
  void release(Job& job) noexcept {
    const std::lock_guard lock(mutex_);
    idle_.push_back(&job);
  }
  // Jobs that are out.
  [[nodiscard]] std::size_t in_use() const {
    const std::lock_guard lock(mutex_);
    return all_.size() - idle_.size();
  }

 private:
  Make make_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Job>> all_;
  std::vector<Job*> idle_;
};

}  // namespace ocelli::rpc
