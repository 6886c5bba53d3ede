// LoadWaiters: requests for versions that are still loading.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/clock.hpp"
#include "base/status.hpp"
#include "repository/catalog.hpp"

namespace ocelli::repository {

// Thread-safe. Waiting costs no thread of the caller's; answers come on this object's own thread.
class LoadWaiters {
 public:
  using Done = std::function<void(Result<serving::ServableHandle>)>;
  // More callers than this do not wait but are told at once that the version is not loaded yet.
  static constexpr std::size_t kMaxWaiters = 10'000;

  // The catalog outlives this object.
  explicit LoadWaiters(const Catalog& catalog);
  ~LoadWaiters() { close(); }
  LoadWaiters(const LoadWaiters&) = delete;
  LoadWaiters& operator=(const LoadWaiters&) = delete;

  // Calls done once: at once when the version is there or will not come, else when that shows, or at the deadline.
  void find(std::string_view name, std::optional<Version> version, TimePoint deadline, Done done);
  // Something in the catalog has changed.
  void notify();
  // Tells everybody what the catalog says now, and lets nobody wait any more.
  void close() noexcept;

 private:
  struct Waiter {
    std::string name;
    std::optional<Version> version;
    TimePoint deadline;
    Done done;
  };
  void work();
  // Takes out those whose waiting is over. With the lock held.
  std::list<Waiter> take_settled(TimePoint now, TimePoint& next);

  const Catalog& catalog_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::list<Waiter> waiters_;
  bool changed_ = false;
  bool closed_ = false;
  std::thread thread_;
};

}  // namespace ocelli::repository
