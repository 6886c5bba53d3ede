#include "backends/onnxruntime/worker_pool.hpp"

namespace ocelli::onnxruntime {

WorkerPool::WorkerPool(std::uint32_t threads) {
  threads_.reserve(threads);
  for (std::uint32_t i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
}

WorkerPool::~WorkerPool() {
  queue_.close();
  for (auto& thread : threads_) thread.join();
}

void WorkerPool::serve() noexcept {
  while (auto* task = queue_.take()) static_cast<Task*>(task)->work();
}

}  // namespace ocelli::onnxruntime
