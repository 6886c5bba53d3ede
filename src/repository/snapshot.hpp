// Snapshot: a value that is read all the time and replaced now and then.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace ocelli::repository {

// Thread-safe. Each reading thread uses one of several copies of the pointer, so that readers hardly ever meet each
// other; a reader allocates nothing and waits at most for another pointer copy.
template <typename T>
class Snapshot {
 public:
  explicit Snapshot(std::shared_ptr<const T> value) { publish(std::move(value)); }

  // Calls use(value) and returns its result. use must be short, must not publish, and must not drop the last reference
  // to anything.
  template <typename Use>
  auto read(const Use& use) const {
    const Shard& shard = shards_[std::hash<std::thread::id>()(std::this_thread::get_id()) % kShards];
    const std::lock_guard lock(shard.mutex);
    return use(*shard.value);
  }

  // The value to keep beyond a read.
  [[nodiscard]] std::shared_ptr<const T> get() const {
    const Shard& shard = shards_.front();
    const std::lock_guard lock(shard.mutex);
    return shard.value;
  }

  // Returns what was there before, so that the caller decides where it is destroyed. One publisher at a time.
  std::shared_ptr<const T> publish(std::shared_ptr<const T> value) {
    std::shared_ptr<const T> before;
    for (Shard& shard : shards_) {
      std::shared_ptr<const T> copy = value;
      {
        const std::lock_guard lock(shard.mutex);
        shard.value.swap(copy);
      }
      before = std::move(copy);
    }
    return before;
  }

 private:
  static constexpr std::size_t kShards = 8;
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    std::shared_ptr<const T> value;
  };
  std::array<Shard, kShards> shards_;
};

}  // namespace ocelli::repository
