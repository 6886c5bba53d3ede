#include "transport/listener.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <condition_variable>
#include <map>
#include <mutex>

#include "transport/socket_address.hpp"

namespace ocelli::transport {
namespace {

using namespace std::chrono_literals;

// Keeps what was accepted and lets the test wait for it.
class Keeper final : public ConnectionSink {
 public:
  void on_accepted(EventLoop& loop, Accepted accepted) noexcept override {
    const std::lock_guard lock(mutex_);
    EXPECT_TRUE(loop.on_thread());
    ++by_loop_[&loop];
    kept_.push_back(std::move(accepted));
    changed_.notify_all();
  }
  void on_refused() noexcept override {
    const std::lock_guard lock(mutex_);
    ++refused_;
    changed_.notify_all();
  }
  bool wait_for(std::size_t accepted) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] { return kept_.size() >= accepted; });
  }
  bool wait_for_refusal() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] { return refused_ > 0; });
  }
  std::vector<Accepted> take() {
    const std::lock_guard lock(mutex_);
    return std::move(kept_);
  }
  std::map<EventLoop*, int> by_loop() {
    const std::lock_guard lock(mutex_);
    return by_loop_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Accepted> kept_;
  std::map<EventLoop*, int> by_loop_;
  int refused_ = 0;
};

FileDescriptor connect_to(const std::string& address, std::uint16_t port) {
  auto resolved = resolve_addresses(address);
  EXPECT_TRUE(resolved.ok());
  auto target = resolved->front().front();
  target.set_port(port);
  FileDescriptor socket(::socket(target.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), target.data(), target.size()) != 0) return {};
  return socket;
}

TEST(Listener, ReportsThePortAndNamesTheClient) {
  auto threads = IoThreads::start(1);
  Keeper keeper;
  auto listener = Listener::open("127.0.0.1", 0);
  ASSERT_TRUE(listener.ok()) << listener.status().to_string();
  ASSERT_NE((*listener)->port(), 0);
  (*listener)->start(**threads, keeper);
  const auto client = connect_to("127.0.0.1", (*listener)->port());
  ASSERT_TRUE(client);
  ASSERT_TRUE(keeper.wait_for(1));
  EXPECT_EQ(keeper.take().front().remote, SocketAddress::of_local_end(client.get()).to_string());
}

TEST(Listener, ListensOnSeveralAddressesIncludingIpv6AndNames) {
  auto threads = IoThreads::start(2);
  Keeper keeper;
  auto listener = Listener::open("127.0.0.1, [::1] ,127.0.0.2", 0);
  ASSERT_TRUE(listener.ok()) << listener.status().to_string();
  (*listener)->start(**threads, keeper);
  for (const auto* address : {"127.0.0.1", "::1", "127.0.0.2"}) {
    EXPECT_TRUE(connect_to(address, (*listener)->port())) << address;
  }
  ASSERT_TRUE(keeper.wait_for(3));

  auto by_name = Listener::open("localhost", 0);
  ASSERT_TRUE(by_name.ok()) << by_name.status().to_string();
  EXPECT_TRUE(connect_to("127.0.0.1", (*by_name)->port()));
}

TEST(Listener, BothWildcardsTogether) {
  auto listener = Listener::open("0.0.0.0,::", 0);
  ASSERT_TRUE(listener.ok()) << listener.status().to_string();
  EXPECT_TRUE(connect_to("127.0.0.1", (*listener)->port()));
  EXPECT_TRUE(connect_to("::1", (*listener)->port()));
}

TEST(Listener, AddressesThatCoverEachOther) {
  for (const auto* addresses : {"127.0.0.1,localhost", "127.0.0.1,127.0.0.1", "0.0.0.0,127.0.0.1", "127.0.0.1,0.0.0.0",
                                "::1,::,[::1]", "localhost,::,0.0.0.0"}) {
    auto listener = Listener::open(addresses, 0);
    ASSERT_TRUE(listener.ok()) << addresses << ": " << listener.status().to_string();
    const auto* reached = std::string_view(addresses).starts_with("::1") ? "::1" : "127.0.0.1";
    EXPECT_TRUE(connect_to(reached, (*listener)->port())) << addresses;
  }
}

TEST(Listener, ABusyPortIsAnErrorThatNamesIt) {
  auto first = Listener::open("127.0.0.1", 0);
  ASSERT_TRUE(first.ok());
  const auto port = (*first)->port();
  for (const auto* addresses : {"127.0.0.1", "0.0.0.0"}) {
    auto second = Listener::open(addresses, port);
    ASSERT_FALSE(second.ok()) << addresses;
    EXPECT_EQ(second.status().code(), StatusCode::kUnavailable);
    EXPECT_THAT(std::string(second.status().message()), testing::HasSubstr(std::to_string(port)));
    EXPECT_THAT(std::string(second.status().message()), testing::HasSubstr("Address already in use"));
  }
}

TEST(Listener, AddressesThatCannotBe) {
  auto empty = Listener::open("127.0.0.1,,::1", 0);
  ASSERT_FALSE(empty.ok());
  EXPECT_EQ(empty.status().code(), StatusCode::kInvalidArgument);
  auto unknown = Listener::open("no-such-host.invalid", 0);
  ASSERT_FALSE(unknown.ok());
  EXPECT_THAT(std::string(unknown.status().message()), testing::HasSubstr("no-such-host.invalid"));
  auto foreign = Listener::open("192.0.2.1", 0);  // documentation range: on no machine
  ASSERT_FALSE(foreign.ok());
  EXPECT_EQ(foreign.status().code(), StatusCode::kUnavailable);
}

TEST(Listener, SpreadsConnectionsEvenly) {
  auto threads = IoThreads::start(3);
  Keeper keeper;
  auto listener = Listener::open("127.0.0.1", 0);
  ASSERT_TRUE(listener.ok());
  (*listener)->start(**threads, keeper);
  std::vector<FileDescriptor> clients;
  for (int i = 0; i < 12; ++i) clients.push_back(connect_to("127.0.0.1", (*listener)->port()));
  ASSERT_TRUE(keeper.wait_for(12));
  const auto by_loop = keeper.by_loop();
  EXPECT_EQ(by_loop.size(), 3U);
  for (const auto& [loop, count] : by_loop) EXPECT_EQ(count, 4);
}

TEST(Listener, LetsNoMoreInThanAllListenersTogetherMayHave) {
  auto threads = IoThreads::start(2, 3);
  Keeper keeper;
  std::vector<std::unique_ptr<Listener>> listeners;
  std::vector<FileDescriptor> clients;
  for (int i = 0; i < 2; ++i) {
    auto listener = Listener::open("127.0.0.1", 0);
    ASSERT_TRUE(listener.ok());
    (*listener)->start(**threads, keeper);
    listeners.push_back(std::move(*listener));
  }
  for (int i = 0; i < 3; ++i) {
    clients.push_back(connect_to("127.0.0.1", listeners[static_cast<std::size_t>(i % 2)]->port()));
    ASSERT_TRUE(keeper.wait_for(static_cast<std::size_t>(i) + 1));
  }
  const auto refused = connect_to("127.0.0.1", listeners[0]->port());
  ASSERT_TRUE(refused);
  EXPECT_TRUE(keeper.wait_for_refusal());
  const timeval limit{20, 0};
  ASSERT_EQ(::setsockopt(refused.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
  char byte = 0;
  const auto got = ::recv(refused.get(), &byte, 1, 0);
  EXPECT_TRUE(got == 0 || (got < 0 && errno == ECONNRESET)) << "it is closed without a word";
  EXPECT_TRUE((*threads)->full());
}

TEST(Listener, OutlivesRunningOutOfDescriptors) {
  auto threads = IoThreads::start(1);
  Keeper keeper;
  auto listener = Listener::open("127.0.0.1", 0);
  ASSERT_TRUE(listener.ok());
  (*listener)->start(**threads, keeper);
  ASSERT_TRUE(connect_to("127.0.0.1", (*listener)->port()));
  ASSERT_TRUE(keeper.wait_for(1));

  FileDescriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  FileDescriptor second(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 3;  // every new descriptor is over it
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  auto target = resolve_addresses("127.0.0.1")->front().front();
  target.set_port((*listener)->port());
  EXPECT_EQ(::connect(client.get(), target.data(), target.size()), 0);
  // With the spare descriptor's number above the limit nothing can be accepted, not even to refuse it: the client waits
  // in the backlog.
  EXPECT_EQ(::connect(second.get(), target.data(), target.size()), 0);
  // The loop has tried to accept when it has gone round twice; and the limit goes back while it does not try, or else
  // it would be free to turn one client away.
  for (int round = 0; round < 2; ++round) (*threads)->loop(0).run_sync([] {});
  (*threads)->loop(0).run_sync([&] { EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0); });
  EXPECT_TRUE(keeper.wait_for(3)) << "connections that waited are served once there are descriptors again";
}

TEST(Listener, StopClosesThePort) {
  auto threads = IoThreads::start(2);
  Keeper keeper;
  auto listener = Listener::open("127.0.0.1", 0);
  ASSERT_TRUE(listener.ok());
  (*listener)->start(**threads, keeper);
  const auto port = (*listener)->port();
  (*listener)->stop();
  EXPECT_FALSE(connect_to("127.0.0.1", port));
  EXPECT_TRUE(Listener::open("127.0.0.1", port).ok());
}

}  // namespace
}  // namespace ocelli::transport
