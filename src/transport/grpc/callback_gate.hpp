// CallbackGate: makes callbacks into a handler and the end of its call exclude each other across threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

namespace ocelli::transport {

// The connection's thread surrounds each callback by enter() and leave(); whoever ends the call closes the gate first.
// Once close() has returned no callback runs or begins, unless it was called from within one.
class CallbackGate {
 public:
  // Ready for the next call; on the connection's thread, while nobody else may use it.
  void reset() noexcept {
    caller_ = std::this_thread::get_id();
    state_.store(kOpen, std::memory_order_relaxed);
  }

  // False: closed, do not call back.
  [[nodiscard]] bool enter() noexcept {
    auto expected = kOpen;
    return state_.compare_exchange_strong(expected, kInside, std::memory_order_acquire);
  }
  void leave() noexcept {
    auto expected = kInside;
    if (state_.compare_exchange_strong(expected, kOpen, std::memory_order_release)) state_.notify_all();
  }
  void close() noexcept {
    for (auto state = state_.load(std::memory_order_acquire); state != kClosed;) {
      if (state == kInside && caller_ != std::this_thread::get_id()) {
        state_.wait(kInside, std::memory_order_acquire);
        state = state_.load(std::memory_order_acquire);
      } else if (state_.compare_exchange_weak(state, kClosed, std::memory_order_acq_rel)) {
        return;
      }
    }
  }

 private:
  enum State : std::uint8_t { kOpen, kInside, kClosed };
  std::atomic<State> state_{kOpen};
  std::thread::id caller_;  // the connection's thread
};

}  // namespace ocelli::transport
