// WaitingPool: an ObjectPool whose owner does not go before the objects are back.
#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include "protocols/handoff/object_pool.hpp"

namespace ocelli::handoff {

// Routers own their pools by this. At its end it waits for the objects that are out: the last one may still be on its
// way home on the thread that sent its reply, after the transport has counted that reply. One that a servable holds for
// longer than the limit must still find its memory, whatever happens: the pool then stays for good.
template <typename Object>
class WaitingPool {
 public:
  explicit WaitingPool(typename ObjectPool<Object>::Make make,
                       std::chrono::milliseconds limit = std::chrono::seconds(10))
      : pool_(std::make_unique<ObjectPool<Object>>(std::move(make))), limit_(limit) {}
  ~WaitingPool() {
    if (!pool_->drain(limit_)) static_cast<void>(pool_.release());
  }
  WaitingPool(const WaitingPool&) = delete;
  WaitingPool& operator=(const WaitingPool&) = delete;

  [[nodiscard]] ObjectPool<Object>& operator*() const noexcept { return *pool_; }
  [[nodiscard]] ObjectPool<Object>* operator->() const noexcept { return pool_.get(); }

 private:
  std::unique_ptr<ObjectPool<Object>> pool_;
  const std::chrono::milliseconds limit_;
};

}  // namespace ocelli::handoff
