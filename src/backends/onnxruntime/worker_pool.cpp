#include "backends/onnxruntime/worker_pool.hpp"

namespace ocelli::onnxruntime {

WorkerPool::WorkerPool(std::uint32_t threads) {
  threads_.reserve(threads);
  try {
    for (std::uint32_t i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
  } catch (...) {  // their number may be limited; those that run must end before their handles go
    end();
    throw;
  }
}

WorkerPool::~WorkerPool() { end(); }

void WorkerPool::end() noexcept {
  queue_.close();
  for (auto& thread : threads_) thread.join();
}

void WorkerPool::serve() noexcept {
  while (auto* task = queue_.take()) static_cast<Task*>(task)->work();
}

}  // namespace ocelli::onnxruntime
