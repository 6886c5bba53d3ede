// NetworkCopies: one network, loaded as often as it is to run at the same time, and the threads that run it.
#pragma once

#include <armnn/IRuntime.hpp>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/status.hpp"
#include "runtime/task_queue.hpp"

namespace ocelli::arm_nn {

// A runtime of ARM NN and the lock under which networks are made, loaded and unloaded, because ARM NN's optimizer and
// its backends' contexts are not made for several threads.
struct SharedRuntime {
  ::armnn::IRuntimePtr runtime{nullptr, [](::armnn::IRuntime*) {}};
  std::mutex loading;
};

// ARM NN runs one loaded network once at a time, and frees a network's working memory when the thread that ran it last
// turns to another one. So each thread here has a copy of its own. Thread-safe. Tasks must have ended before this is
// destroyed.
class NetworkCopies {
 public:
  class Task : public TaskQueue::Task {
   public:
    virtual ~Task() = default;
    // Runs the network; nothing else uses that copy meanwhile. Not from within done().
    virtual void work(::armnn::IRuntime& runtime, ::armnn::NetworkId network) noexcept = 0;
    // Told after work(), when the copy is free again; may submit the task once more.
    virtual void done() noexcept = 0;
  };

  // Takes over networks that have been loaded into runtime; unloads them in the end. Throws std::system_error when the
  // system gives no more threads.
  NetworkCopies(std::shared_ptr<SharedRuntime> runtime, const std::vector<::armnn::NetworkId>& networks);
  ~NetworkCopies();
  NetworkCopies(const NetworkCopies&) = delete;
  NetworkCopies& operator=(const NetworkCopies&) = delete;

  // First come, first served; task must not be queued already. Allocates nothing.
  void submit(Task& task) noexcept { queue_.submit(task); }
  // On the calling thread, when a copy is free; done() is not told.
  void run_here(Task& task) noexcept;

 private:
  struct Copy {
    ::armnn::NetworkId network = 0;
    std::mutex running;
  };
  void serve(Copy& copy) noexcept;
  void end_threads() noexcept;

  std::shared_ptr<SharedRuntime> runtime_;
  std::vector<std::unique_ptr<Copy>> copies_;
  TaskQueue queue_;
  std::vector<std::thread> threads_;
};

}  // namespace ocelli::arm_nn
