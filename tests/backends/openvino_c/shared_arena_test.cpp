// Memory that two sides see, that grows and never shrinks; sockets that carry its descriptor.
#include "backends/openvino_c/protocol/shared_arena.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace ocelli::openvino_c {
namespace {

TEST(SharedArena, BothSidesSeeOneMemoryAndEitherMayGrowIt) {
  auto ends = PacketSocket::pair();
  ASSERT_TRUE(ends.ok());
  auto mine = SharedArena::create();
  ASSERT_TRUE(mine.ok());
  ASSERT_TRUE(mine->reserve(100).ok());
  const std::array<std::byte, 3> message{};
  ASSERT_TRUE(ends->first.send(message, mine->fd()).ok());
  auto packet = ends->second.receive();
  ASSERT_TRUE(packet.ok());
  EXPECT_EQ(packet->bytes.size(), 3U);
  ASSERT_TRUE(packet->attached);
  auto theirs = SharedArena::adopt(std::move(packet->attached));

  ASSERT_TRUE(theirs.follow(100).ok());
  std::memset(mine->data(), 0x5a, 100);
  EXPECT_EQ(theirs.data()[99], std::byte{0x5a});
  ASSERT_TRUE(theirs.reserve(1 << 20).ok());
  std::memset(theirs.data() + (1 << 20) - 1, 0x77, 1);
  ASSERT_TRUE(mine->follow(1 << 20).ok());
  EXPECT_EQ(mine->data()[(1 << 20) - 1], std::byte{0x77});
  EXPECT_EQ(mine->data()[99], std::byte{0x5a}) << "growing keeps what is there";
}

TEST(SharedArena, NobodyCanTakePagesAway) {
  auto arena = SharedArena::create();
  ASSERT_TRUE(arena.ok());
  ASSERT_TRUE(arena->reserve(10'000).ok());
  EXPECT_NE(::ftruncate(arena->fd(), 0), 0);
}

TEST(SharedArena, ATensorBeyondTheMemoryIsRefused) {
  auto arena = SharedArena::create();
  ASSERT_TRUE(arena.ok());
  ASSERT_TRUE(arena->reserve(4096).ok());
  EXPECT_EQ(arena->follow(std::uint64_t{1} << 30).code(), StatusCode::kInternal);
  EXPECT_EQ(arena->reserve(SharedArena::kMaxBytes + 1).code(), StatusCode::kResourceExhausted);
}

TEST(PacketSocket, AnEndThatIsGoneOrSilentIsTold) {
  auto ends = PacketSocket::pair();
  ASSERT_TRUE(ends.ok());
  const std::vector<std::byte> large(kMaxMessage);
  auto empty = ends->second.receive();
  ASSERT_TRUE(empty.ok());
  EXPECT_TRUE(empty->bytes.empty()) << "nothing has come";
  Status status;
  for (int i = 0; i < 1000 && status.ok(); ++i) status = ends->first.send(large, -1, std::chrono::milliseconds(20));
  EXPECT_EQ(status.code(), StatusCode::kDeadlineExceeded) << "nobody reads";
  ends->second.close();
  EXPECT_EQ(ends->first.send(large).code(), StatusCode::kUnavailable);
  EXPECT_EQ(ends->first.receive().status().code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace ocelli::openvino_c
