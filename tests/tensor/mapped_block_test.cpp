#include "tensor/mapped_block.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

namespace ocelli {
namespace {

std::uintptr_t address(const void* at) { return reinterpret_cast<std::uintptr_t>(at); }

TEST(MappedBlock, KeepsItsBytesWhileItGrows) {
  MappedBlock block;
  EXPECT_EQ(block.data(), nullptr);
  EXPECT_EQ(block.capacity(), 0U);
  std::size_t filled = 0;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{5000}, std::size_t{3'000'000}}) {
    block.reserve(size);
    ASSERT_NE(block.data(), nullptr);
    EXPECT_GE(block.capacity(), size);
    EXPECT_EQ(address(block.data()) % 64, 0U);
    for (; filled < block.capacity(); ++filled) block.data()[filled] = static_cast<std::byte>(filled % 251);
  }
  for (std::size_t i = 0; i < filled; ++i) ASSERT_EQ(block.data()[i], static_cast<std::byte>(i % 251)) << i;
  const auto* before = block.data();
  block.reserve(100);
  EXPECT_EQ(block.data(), before) << "there is room already";
}

TEST(MappedBlock, WhatWasTakenOutlivesIt) {
  BufferRef taken;
  {
    MappedBlock block;
    block.reserve(10'000);
    std::memset(block.data(), 7, 10'000);
    const auto* data = block.data();
    taken = block.take();
    EXPECT_EQ(taken->data(), data);
    EXPECT_GE(taken->size(), 10'000U);
    EXPECT_EQ(block.data(), nullptr);
    block.reserve(10);
    EXPECT_NE(block.data(), data);
  }
  EXPECT_EQ(taken->data()[9'999], std::byte{7});
}

TEST(MappedBlock, TooMuchChangesNothing) {
  MappedBlock block;
  constexpr auto kTooMuch = std::numeric_limits<std::size_t>::max() / 2;
  EXPECT_THROW(block.reserve(kTooMuch), std::bad_alloc);
  EXPECT_EQ(block.data(), nullptr);
  block.reserve(10);
  block.data()[9] = std::byte{3};
  EXPECT_THROW(block.reserve(kTooMuch), std::bad_alloc);
  EXPECT_EQ(block.data()[9], std::byte{3});
}

}  // namespace
}  // namespace ocelli
