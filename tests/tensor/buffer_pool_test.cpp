#include "tensor/buffer_pool.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

namespace ocelli {
namespace {

TEST(BufferPool, BuffersAreAlignedAndLargeEnough) {
  BufferPool pool;
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{513}, std::size_t{602112}, (std::size_t{64} << 20) + 1}) {
    auto buffer = pool.get(size);
    EXPECT_GE(buffer->size(), size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer->data()) % 64, 0u);
    std::memset(buffer->data(), 7, size);
  }
}

TEST(BufferPool, ReusesWhatCameBack) {
  BufferPool pool;
  auto* first = pool.get(1000)->data();
  EXPECT_EQ(pool.idle_bytes(), 1024u);
  EXPECT_EQ(pool.get(1024)->data(), first);
  pool.trim();
  EXPECT_EQ(pool.idle_bytes(), 0u);
}

TEST(BufferPool, KeepsNoMoreThanItsLimit) {
  BufferPool pool(4096);
  std::vector<BufferRef> held;
  for (int i = 0; i < 16; ++i) held.push_back(pool.get(1024));
  held.clear();
  EXPECT_LE(pool.idle_bytes(), 4096u);
}

TEST(BufferPool, BuffersMayOutliveTheirPool) {
  auto pool = std::make_unique<BufferPool>();
  auto buffer = pool->get(100);
  pool.reset();
  std::memset(buffer->data(), 1, 100);
  buffer.reset();
}

TEST(BufferPool, ManyThreadsShareIt) {
  BufferPool pool(1 << 20);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&pool, t] {
      for (int i = 0; i < 2000; ++i) {
        auto buffer = pool.get(static_cast<std::size_t>((i * 37) % 5000));
        const auto copy = buffer;
        buffer->data()[0] = static_cast<std::byte>(t);
        EXPECT_EQ(copy->data()[0], static_cast<std::byte>(t)) << "two owners of one block";
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LE(pool.idle_bytes(), std::size_t{1} << 20);
}

TEST(Buffer, WrappedBytesAreReleasedOnce) {
  std::byte storage[16];
  int released = 0;
  {
    auto first = Buffer::wrap(
        storage, sizeof storage, [](void* count) noexcept { ++*static_cast<int*>(count); }, &released);
    const auto second = first;
    EXPECT_FALSE(second.unique());
    first.reset();
    EXPECT_EQ(released, 0);
    EXPECT_TRUE(second.unique());
  }
  EXPECT_EQ(released, 1);
}

}  // namespace
}  // namespace ocelli
