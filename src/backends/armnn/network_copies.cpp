#include "backends/armnn/network_copies.hpp"

#include <malloc.h>

namespace ocelli::arm_nn {

NetworkCopies::NetworkCopies(std::shared_ptr<SharedRuntime> runtime, const std::vector<::armnn::NetworkId>& networks)
    : runtime_(std::move(runtime)) {
  for (const auto network : networks) {
    copies_.push_back(std::make_unique<Copy>());
    copies_.back()->network = network;
  }
  threads_.reserve(copies_.size());
  for (auto& copy : copies_) threads_.emplace_back([this, &copy] { serve(*copy); });
}

NetworkCopies::~NetworkCopies() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
  const std::lock_guard lock(runtime_->loading);
  for (const auto& copy : copies_) {
    try {
      runtime_->runtime->UnloadNetwork(copy->network);
    } catch (const std::exception&) {
      // Nothing is left to be done for a network that does not go.
    }
  }
  // Weights are freed in pieces; without this the heap keeps them.
  ::malloc_trim(0);
}

void NetworkCopies::submit(Task& task) noexcept {
  {
    const std::lock_guard lock(mutex_);
    task.next_ = nullptr;
    (last_ ? last_->next_ : first_) = &task;
    last_ = &task;
  }
  changed_.notify_one();
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
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || first_; });
    if (!first_) return;
    Task* task = first_;
    first_ = task->next_;
    if (!first_) last_ = nullptr;
    lock.unlock();
    {
      const std::lock_guard running(copy.running);
      task->work(*runtime_->runtime, copy.network);
    }
    task->done();
    lock.lock();
  }
}

}  // namespace ocelli::arm_nn
