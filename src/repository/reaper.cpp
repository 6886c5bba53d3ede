#include "repository/reaper.hpp"

#include <chrono>
#include <utility>

#include "base/heap.hpp"

namespace ocelli::repository {
namespace {

// A model may still be freeing memory on other threads when its servable is gone.
constexpr std::chrono::milliseconds kTrimDelay{500};

}  // namespace

std::shared_ptr<Reaper> Reaper::create() {
  std::shared_ptr<Reaper> reaper(new Reaper);
  for (std::size_t i = 0; i < kThreads; ++i) reaper->threads_.emplace_back([raw = reaper.get()] { raw->work(); });
  return reaper;
}

void Reaper::close() noexcept {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

serving::ServableHandle Reaper::lease(std::shared_ptr<serving::Servable> servable, std::function<void()> gone) {
  serving::Servable* const raw = servable.get();
  return {raw, [reaper = shared_from_this(), remains = Remains{std::move(servable), std::move(gone)}](
                   serving::Servable*) mutable noexcept { reaper->give(std::move(remains)); }};
}

void Reaper::give(Remains remains) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) {
      waiting_.push_back(std::move(remains));
      wake_.notify_one();
      return;
    }
  }
  bury(remains);
}

void Reaper::bury(Remains& remains) noexcept {
  remains.servable.reset();
  if (remains.gone) remains.gone();
  remains.gone = nullptr;
}

void Reaper::work() noexcept {
  std::unique_lock lock(mutex_);
  const auto awake = [this] { return closed_ || !waiting_.empty(); };
  for (;;) {
    if (!trim_at_) {
      wake_.wait(lock, awake);
    } else if (!wake_.wait_until(lock, *trim_at_, awake)) {
      // Another thread may have done so, or have put it off.
      if (!trim_at_ || Clock::now() < *trim_at_) continue;
      trim_at_.reset();
      lock.unlock();
      return_free_memory();
      lock.lock();
      continue;
    }
    if (waiting_.empty()) return;
    Remains remains = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    bury(remains);
    lock.lock();
    trim_at_ = Clock::now() + kTrimDelay;
  }
}

}  // namespace ocelli::repository
