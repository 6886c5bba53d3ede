// Reaper: where servables are destroyed when their last holder lets go, which may be a network thread or a runtime's
// own.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "serving/servable.hpp"

namespace ocelli::repository {

// Thread-safe. Half a second after the last one was destroyed, freed memory is given back to the system. Handles may
// outlive it: what is given back after it was closed is destroyed where that happens.
class Reaper : public std::enable_shared_from_this<Reaper> {
 public:
  static std::shared_ptr<Reaper> create();
  // Destroys what waits, then ends the thread. Not to be called on the reaper's own thread.
  void close() noexcept;
  ~Reaper() { close(); }
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

  // A handle to servable. When its last copy is gone the servable is destroyed on the reaper's thread, then `gone` is
  // called there.
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
  bool closed_ = false;
  std::thread thread_;
};

}  // namespace ocelli::repository
