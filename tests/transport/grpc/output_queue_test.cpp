#include "transport/grpc/output_queue.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace ocelli::transport {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

class OutputQueueTest : public testing::Test {
 protected:
  // Takes up to count bytes off the front.
  std::string take(std::size_t count) {
    std::array<iovec, 64> pieces;
    std::string out;
    const std::size_t filled = queue_.gather(pieces);
    for (std::size_t i = 0; i < filled && out.size() < count; ++i) {
      out.append(static_cast<const char*>(pieces[i].iov_base), std::min(pieces[i].iov_len, count - out.size()));
    }
    queue_.consume(out.size());
    return out;
  }

  OutgoingPool pool_;
  OutputQueue queue_{pool_};
};

TEST_F(OutputQueueTest, KeepsTheOrderOfCopiesAndReferences) {
  const std::string large(2000, 'L');
  auto* message = pool_.get();
  message->references = 1;
  queue_.copy(bytes_of("abc"));
  queue_.refer(bytes_of(large), *message);
  queue_.refer(bytes_of("short"), *message);
  queue_.copy(bytes_of("end"));
  EXPECT_EQ(message->references, 2U);
  EXPECT_EQ(queue_.bytes(), 3 + 2000 + 5 + 3U);
  std::string all;
  while (!queue_.empty()) all += take(700);
  EXPECT_EQ(all, "abc" + large + "shortend");
  EXPECT_EQ(message->references, 1U);
  pool_.unref(message);
}

TEST_F(OutputQueueTest, NeverEmptyQueueDoesNotGrow) {
  const std::string large(600, 'x');
  std::string expected, got;
  auto* message = pool_.get();
  message->references = 1;
  for (int i = 0; i < 5000; ++i) {
    const auto small = std::to_string(i);
    queue_.copy(bytes_of(small));
    queue_.refer(bytes_of(large), *message);
    expected += small + large;
    if (i > 2) got += take(600 + small.size());
  }
  EXPECT_LT(queue_.memory_bytes(), 512 * 1024U);
  while (!queue_.empty()) got += take(10'000);
  EXPECT_TRUE(got == expected);
  pool_.unref(message);
}

TEST_F(OutputQueueTest, NeverEmptyQueueOfCopiesDoesNotGrow) {
  std::string expected, got;
  queue_.copy(bytes_of("0"));
  expected = "0";
  for (int i = 0; i < 100'000; ++i) {
    queue_.copy(bytes_of("0123456789"));
    expected += "0123456789";
    got += take(10);
  }
  EXPECT_LT(queue_.memory_bytes(), 512 * 1024U);
  got += take(100);
  EXPECT_TRUE(got == expected);
}

TEST_F(OutputQueueTest, AnIdleMessageKeepsWhatAUsualReplyNeeds) {
  auto* message = pool_.get();
  message->body.text().assign(10'000, 't');
  const auto* usual = message->body.text().data();
  pool_.put(message);
  ASSERT_EQ(pool_.get(), message);
  EXPECT_EQ(message->body.text().data(), usual) << "nothing is allocated in the steady state";
  message->body.text().assign(10'000'000, 't');
  for (int i = 0; i < 10'000; ++i) message->body.add({}, {});
  pool_.put(message);
  ASSERT_EQ(pool_.get(), message);
  EXPECT_LE(message->body.memory_bytes(), ReplyBody::kKeptTextBytes + 10'000U);
  pool_.put(message);
}

}  // namespace
}  // namespace ocelli::transport
