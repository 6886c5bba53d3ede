// Readers: threads that read what would hold a network thread for long.
#pragma once

#include <algorithm>
#include <cstddef>
#include <thread>

#include "base/thread_pool.hpp"

namespace ocelli::handoff {

// A pool for one router: a thread for each processor, as many as the connections have, so that no fewer cores read long
// requests than short ones; 2 to 16.
class Readers {
 public:
  // How many threads.
  static std::size_t count() noexcept { return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 2, 16); }
  [[nodiscard]] ThreadPool& pool() noexcept { return pool_; }

 private:
  // Each request that waits holds its memory of the server's budget already; more than that many are not waited for.
  static constexpr std::size_t kMaxWaiting = 4096;

  ThreadPool pool_{"ocelli-read", count(), kMaxWaiting};
};

}  // namespace ocelli::handoff
