// CancelSlot: makes "the client went away" and "the reply is sent" exclude each other across threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "transport/http/http_exchange.hpp"

namespace ocelli::transport {

// One per exchange. The connection's thread calls fire(); the handler's side calls set() and close(), from any one
// thread at a time. The listener is called at most once, never after close() has returned, and on_client_gone() may
// itself end the exchange.
class CancelSlot {
 public:
  // Makes it ready for the next exchange; nobody else may use it meanwhile.
  void reset() noexcept {
    listener_.store(nullptr, std::memory_order_relaxed);
    caller_.store(std::thread::id(), std::memory_order_relaxed);
    gone_.store(false, std::memory_order_relaxed);
  }

  // Registers the listener, or none. Called at once, on this thread, when the client is gone already.
  void set(CancelListener* listener) noexcept {
    if (!listener) return close();
    listener_.store(listener, std::memory_order_seq_cst);
    if (!gone_.load(std::memory_order_seq_cst)) return;
    if (auto* mine = listener_.exchange(nullptr, std::memory_order_seq_cst)) mine->on_client_gone();
  }

  // The client is gone.
  void fire() noexcept {
    caller_.store(std::this_thread::get_id(), std::memory_order_seq_cst);
    gone_.store(true, std::memory_order_seq_cst);
    if (auto* listener = listener_.exchange(nullptr, std::memory_order_seq_cst)) listener->on_client_gone();
    caller_.store(std::thread::id(), std::memory_order_seq_cst);
    caller_.notify_all();
  }

  // From here on the listener is not called; waits while a call is under way on another thread.
  void close() noexcept {
    if (listener_.exchange(nullptr, std::memory_order_seq_cst)) return;  // taken back before anybody could call it
    auto caller = caller_.load(std::memory_order_seq_cst);
    while (caller != std::thread::id() && caller != std::this_thread::get_id()) {
      caller_.wait(caller, std::memory_order_seq_cst);
      caller = caller_.load(std::memory_order_seq_cst);
    }
  }

  [[nodiscard]] bool gone() const noexcept { return gone_.load(std::memory_order_relaxed); }

 private:
  std::atomic<CancelListener*> listener_{nullptr};
  std::atomic<std::thread::id> caller_{};  // who is inside fire()
  std::atomic<bool> gone_{false};
};

}  // namespace ocelli::transport
