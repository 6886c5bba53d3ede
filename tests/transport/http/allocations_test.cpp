// The steady state allocates nothing: counted by replacing the program's operator new.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "transport/http/http_fixture.hpp"

namespace {
std::atomic<std::uint64_t> allocations{0};

void* counted(std::size_t size, std::size_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* block = alignment > alignof(std::max_align_t)
                    ? std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment)
                    : std::malloc(size);
  if (!block) throw std::bad_alloc();
  return block;
}
}  // namespace

void* operator new(std::size_t size) { return counted(size, 1); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }

namespace ocelli::transport {
namespace {

// Answers with the request's body, at once or from another thread, without allocating by itself.
class AllocationFreeHandler final : public HttpHandler {
 public:
  void handle(HttpExchange& exchange) noexcept override {
    const auto& request = exchange.request();
    exchange.body.text().assign("{\"n\":1}");
    exchange.body.add(request.body, request.body_owner);
    if (request.path == "/later") {
      waiting_.store(&exchange);
      waiting_.notify_one();
    } else {
      exchange.send();
    }
  }
  void answer(int count) {
    for (int i = 0; i < count; ++i) {
      waiting_.wait(nullptr);
      waiting_.exchange(nullptr)->send();
    }
  }

 private:
  std::atomic<HttpExchange*> waiting_{nullptr};
};

class AllocationsTest : public testing::TestWithParam<const char*> {};

TEST_P(AllocationsTest, BinaryRequestsInTheSteadyState) {
  auto threads = IoThreads::start(2);
  ASSERT_TRUE(threads.ok());
  BufferPool pool;
  AllocationFreeHandler handler;
  HttpOptions options;
  options.addresses = "127.0.0.1";
  auto server = HttpServer::start(options, handler, **threads, pool);
  ASSERT_TRUE(server.ok());
  constexpr int kWarmUp = 50;
  constexpr int kCounted = 500;
  const bool later = std::string_view(GetParam()) == "/later";
  std::jthread answerer([&] {
    if (later) handler.answer(kWarmUp + kCounted);
  });

  const std::string body(602112, 'b');
  const std::string request =
      "POST " + std::string(GetParam()) +
      " HTTP/1.1\r\nHost: h\r\nInference-Header-Content-Length: 77\r\nContent-Length: " + std::to_string(body.size()) +
      "\r\n\r\n" + body;
  const auto socket = RawClient::connect_to("127.0.0.1", (*server)->port());
  std::vector<char> reply(700000);
  const auto exchange = [&] {
    for (std::size_t at = 0; at < request.size();)
      at += static_cast<std::size_t>(::send(socket.get(), request.data() + at, request.size() - at, 0));
    // The reply's body is the request's and seven bytes: its end is reached when that much and a head have come and
    // nothing more does.
    std::size_t got = 0;
    std::size_t expected = 0;
    while (expected == 0 || got < expected) {
      const auto part = ::recv(socket.get(), reply.data() + got, reply.size() - got, 0);
      ASSERT_GT(part, 0);
      got += static_cast<std::size_t>(part);
      if (expected == 0) {
        const auto end = find_head_end({reply.data(), got});
        if (end != std::string_view::npos) expected = end + body.size() + 7;
      }
    }
    ASSERT_EQ(got, expected);
  };
  for (int i = 0; i < kWarmUp; ++i) exchange();
  const auto before = allocations.load();
  for (int i = 0; i < kCounted; ++i) exchange();
  EXPECT_EQ(allocations.load() - before, 0U);
  EXPECT_GT(before, 0U) << "the counter counts";
  EXPECT_EQ((*server)->totals().requests, static_cast<std::uint64_t>(kWarmUp + kCounted));
}

INSTANTIATE_TEST_SUITE_P(Handlers, AllocationsTest, testing::Values("/now", "/later"));

}  // namespace
}  // namespace ocelli::transport
