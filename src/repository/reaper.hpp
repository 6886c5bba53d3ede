// Reaper: where servables are destroyed when their last holder lets go, which may be a network thread or a runtime's
// own.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "serving/servable.hpp"

namespace ocelli::repository {

// Thread-safe. Half a second after the last one was destroyed, freed memory is given back to the system. Handles may
// outlive it: what is given back after it was closed is destroyed where that happens.
class Reaper : public std::enable_shared_from_this<Reaper> {
 public:
  // A servable that is being compiled for a request ends when the compiler does, perhaps in minutes; so many may before
  // others wait for them.
  static constexpr std::size_t kThreads = 4;

  // Begins its threads. Throws std::system_error.
  static std::shared_ptr<Reaper> create();
  // Destroys what waits, then ends the threads. Not to be called on one of them.
  void close() noexcept;
  ~Reaper() { close(); }
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

  // A handle to servable. When its last copy is gone the servable is destroyed on a thread of the reaper, then `gone`
  // is called there.
  serving::ServableHandle lease(std::shared_ptr<serving::Servable> servable, std::function<void()> gone);

 private:
  struct Remains {
    std::shared_ptr<serving::Servable> servable;
    std::function<void()> gone;
  };
  Reaper() = default;
  void give(Remains remains) noexcept;
  static void bury(Remains& remains) noexcept;
  void work() noexcept;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Remains> waiting_;
  std::optional<TimePoint> trim_at_;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace ocelli::repository
