#include "backends/armnn/network_copies.hpp"

#include "base/heap.hpp"

namespace ocelli::arm_nn {

NetworkCopies::NetworkCopies(std::shared_ptr<SharedRuntime> runtime, const std::vector<::armnn::NetworkId>& networks)
    : runtime_(std::move(runtime)) {
  for (const auto network : networks) {
    copies_.push_back(std::make_unique<Copy>());
    copies_.back()->network = network;
  }
  threads_.reserve(copies_.size());
  try {
    for (auto& copy : copies_) threads_.emplace_back([this, &copy] { serve(*copy); });
  } catch (...) {  // their number may be limited; those that run must end before their handles go
    end_threads();
    throw;
  }
}

void NetworkCopies::end_threads() noexcept {
  queue_.close();
  for (auto& thread : threads_) thread.join();
}

NetworkCopies::~NetworkCopies() {
  end_threads();
  const std::lock_guard lock(runtime_->loading);
  for (const auto& copy : copies_) {
    try {
      runtime_->runtime->UnloadNetwork(copy->network);
    } catch (const std::exception&) {
      // Nothing is left to be done for a network that does not go.
    }
  }
  // Weights are freed in pieces; without this the heap keeps them.
  return_free_memory();
}

void NetworkCopies::run_here(Task& task) noexcept {
  for (auto& copy : copies_) {
    const std::unique_lock lock(copy->running, std::try_to_lock);
    if (!lock.owns_lock()) continue;
    task.work(*runtime_->runtime, copy->network);
    return;
  }
  const std::lock_guard lock(copies_.front()->running);
  task.work(*runtime_->runtime, copies_.front()->network);
}

void NetworkCopies::serve(Copy& copy) noexcept {
  while (auto* next = queue_.take()) {
    auto* task = static_cast<Task*>(next);
    {
      const std::lock_guard running(copy.running);
      task->work(*runtime_->runtime, copy.network);
    }
    task->done();
  }
}

}  // namespace ocelli::arm_nn
