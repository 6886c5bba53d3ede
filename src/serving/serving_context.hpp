// ServingContext: what all servables of one program share.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <stop_token>
#include <utility>

#include "base/log.hpp"
#include "base/thread_pool.hpp"
#include "scheduling/timer.hpp"
#include "serving/device_memory.hpp"
#include "serving/live_count.hpp"
#include "serving/picture_processors.hpp"
#include "tensor/buffer_pool.hpp"

namespace ocelli::serving {

// Made by whoever composes the program, and destroyed after every servable handle is gone; servables whose last handle
// is just being given up on another thread are waited for. All members are thread-safe.
struct ServingContext {
  // Pictures that are decoded at once.
  static constexpr std::size_t kConversionThreads = 2;

  // pool must outlive the context. conversion_threads: how many pictures are decoded at once, so that the network
  // threads never do it. sharing: how models share the devices' memories. load_card: see PictureProcessors; empty:
  // pictures are processed on the CPU.
  ServingContext(BufferPool& buffers, Log sink, std::size_t conversion_threads = kConversionThreads,
                 DeviceMemoryOptions sharing = {}, PictureProcessors::LoadCard load_card = {})
      : pool(buffers),
        log(std::move(sink)),
        pictures(pool, log.channel("pictures"), std::move(load_card)),
        memory(std::move(sharing), timer),
        conversions("ocelli-convert", conversion_threads, kMaxConversions),
        compilations("ocelli-compile", kCompilationThreads, kMaxCompilations),
        rescues("ocelli-rescue", kRescueThreads, kMaxCompilations),
        returns("ocelli-return", kReturnThreads, kMaxCompilations),
        departures("ocelli-depart", kDepartureThreads, kMaxCompilations),
        cleanup("ocelli-cleanup", kCleanupThreads, ThreadPool::kUnbounded) {}

  ~ServingContext() {
    if (!servables.none_within(kLastServables)) log.error("a model is still in use at the end of what it needs");
  }
  ServingContext(const ServingContext&) = delete;
  ServingContext& operator=(const ServingContext&) = delete;

  // How long the destructor waits for servables on their way out.
  static constexpr std::chrono::seconds kLastServables{10};

  // Conversions that may wait; more requests are refused with kResourceExhausted.
  static constexpr std::size_t kMaxConversions = 4096;

  // Devices that are made ready behind the back of running requests: how many at once, and how many may wait.
  static constexpr std::size_t kCompilationThreads = 3;
  static constexpr std::size_t kMaxCompilations = 256;
  static constexpr std::size_t kRescueThreads = 2;
  static constexpr std::size_t kReturnThreads = 2;
  // Models at work that go for others, each once its runs have ended.
  static constexpr std::size_t kDepartureThreads = 4;
  // Models that end at once: one may wait for a compilation that cannot be interrupted, the memory of others is free.
  static constexpr std::size_t kCleanupThreads = 4;

  BufferPool& pool;
  Log log;
  // Stop is requested when the program begins to end: loads that are under way give up then. What serves goes on.
  std::stop_source ending;
  // How many wait for loads to end: those that wait for memory give up.
  std::atomic<int> hurried{0};
  LiveCount servables;
  scheduling::Timer timer;
  PictureProcessors pictures;
  DeviceMemory memory;
  ThreadPool conversions;
  // Runtimes that are compiled for must outlive the context: a compilation that cannot be interrupted is waited for.
  ThreadPool compilations;
  // What requests wait for that no device serves now, and that is short: a CPU that steps in, memory that is freed.
  // Apart from the compilations, each of which may take minutes.
  ThreadPool rescues;
  // Models that were idle and that requests wait for.
  ThreadPool returns;
  // Models that are waited for until what they run has ended, so that their memory is free for others.
  ThreadPool departures;
  // What must not happen on a runtime's own thread: destroys servables whose last handle went, writes notes.
  ThreadPool cleanup;
};

}  // namespace ocelli::serving
