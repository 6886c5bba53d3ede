// ChargedPool: a BufferPool whose buffers are charged to the request that they are for.
#pragma once

#include <cstddef>
#include <new>

#include "tensor/buffer_pool.hpp"
#include "tensor/byte_charge.hpp"

namespace ocelli {

// Where decoders take memory from for what a request becomes: a number of one byte may become eight. A view, passed by
// value; pool and charge must outlive it. As thread-safe as its charge.
class ChargedPool {
 public:
  // Implicit, for whoever has nothing to charge. charge null: nothing is.
  ChargedPool(BufferPool& pool, ByteCharge* charge = nullptr) noexcept : pool_(&pool), charge_(charge) {}

  // As BufferPool::get(). Throws std::bad_alloc also when the budget has not so much left: charge.refused() then tells.
  [[nodiscard]] BufferRef get(std::size_t size) const {
    if (charge_ && !charge_->add(size)) throw std::bad_alloc();
    return pool_->get(size);
  }
  // For what no request is to be charged with.
  [[nodiscard]] BufferPool& uncharged() const noexcept { return *pool_; }
  // A buffer that was got with that size is dropped, before its request ends.
  void drop(std::size_t size) const noexcept {
    if (charge_) charge_->give_back(size);
  }

 private:
  BufferPool* pool_;
  ByteCharge* charge_;
};

}  // namespace ocelli
