#include "transport/shared_memory/shared_memory_registry.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <limits>
#include <thread>
#include <vector>

namespace ocelli::transport {
namespace {

// An object of POSIX shared memory as a client would make it, filled with 0, 1, 2, ... and removed at the end.
class ClientObject {
 public:
  explicit ClientObject(std::size_t size) : key_(fmt::format("/ocelli_test_{}_{}", ::getpid(), size)), size_(size) {
    descriptor_ = ::shm_open(key_.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600);
    EXPECT_GE(descriptor_, 0);
    EXPECT_EQ(::ftruncate(descriptor_, static_cast<off_t>(size)), 0);
    data_ = static_cast<unsigned char*>(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0));
    for (std::size_t i = 0; i < size; ++i) data_[i] = static_cast<unsigned char>(i);
  }
  ~ClientObject() {
    ::munmap(data_, size_);
    ::close(descriptor_);
    ::shm_unlink(key_.c_str());
  }
  [[nodiscard]] const std::string& key() const { return key_; }
  unsigned char& operator[](std::size_t i) { return data_[i]; }
  void shrink(std::size_t size) { EXPECT_EQ(::ftruncate(descriptor_, static_cast<off_t>(size)), 0); }

 private:
  std::string key_;
  std::size_t size_;
  int descriptor_ = -1;
  unsigned char* data_ = nullptr;
};

TEST(SharedMemoryRegistry, SharesBytesBothWays) {
  ClientObject object(10000);
  SharedMemoryRegistry registry;
  ASSERT_TRUE(registry.register_region("input", object.key(), 4099, 1000).ok()) << "an offset that is no page border";
  const auto view = registry.view("input", 2, 8);
  ASSERT_TRUE(view.ok()) << view.status().to_string();
  EXPECT_EQ(view->bytes, 8u);
  EXPECT_EQ(std::to_integer<int>(view->data[0]), (4099 + 2) % 256);
  view->data[1] = std::byte{77};
  EXPECT_EQ(object[4099 + 3], 77);
}

TEST(SharedMemoryRegistry, ViewsOutliveTheRegistration) {
  ClientObject object(8192);
  SharedMemoryRegistry registry;
  ASSERT_TRUE(registry.register_region("a", object.key(), 0, 8192).ok());
  auto view = registry.view("a", 0, 8192);
  ASSERT_TRUE(view.ok());
  registry.unregister("a");
  EXPECT_EQ(registry.view("a", 0, 1).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(std::to_integer<int>(view->data[8191]), 8191 % 256) << "still mapped";
  EXPECT_TRUE(view->owner.unique()) << "the view holds the last reference";
}

TEST(SharedMemoryRegistry, RefusesRangesBeyondTheEnd) {
  ClientObject object(4096);
  SharedMemoryRegistry registry;
  constexpr auto kHuge = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(registry.register_region("a", object.key(), 0, 4097).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(registry.register_region("a", object.key(), 4096, 1).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(registry.register_region("a", object.key(), kHuge, 2).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(registry.register_region("a", object.key(), 2, kHuge).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(registry.register_region("a", object.key(), 0, 0).code(), StatusCode::kInvalidArgument);
  ASSERT_TRUE(registry.register_region("a", object.key(), 96, 4000).ok());
  EXPECT_TRUE(registry.view("a", 4000, 0).ok());
  EXPECT_EQ(registry.view("a", 1, 4000).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(registry.view("a", kHuge, 2).status().code(), StatusCode::kInvalidArgument);
  const auto error = registry.view("a", 0, 4001).status();
  EXPECT_EQ(error.message(),
            "Invalid shared memory range - Expected: at most 4000 bytes; Actual: offset 0 and 4001 bytes; region: a");
}

TEST(SharedMemoryRegistry, NoticesAnObjectThatShrank) {
  ClientObject object(16384);
  SharedMemoryRegistry registry;
  ASSERT_TRUE(registry.register_region("a", object.key(), 0, 16384).ok());
  object.shrink(4096);
  EXPECT_TRUE(registry.view("a", 0, 4096).ok());
  EXPECT_EQ(registry.view("a", 0, 4097).status().code(), StatusCode::kInvalidArgument);
  object.shrink(16384);
}

TEST(SharedMemoryRegistry, WhatShrinksWhileItIsInUseReadsAsZerosAndHarmsNobodyElse) {
  ClientObject object(65536);
  ClientObject other(8192);
  SharedMemoryRegistry registry;
  ASSERT_TRUE(registry.register_region("a", object.key(), 100, 65436).ok());
  ASSERT_TRUE(registry.register_region("b", other.key(), 0, 8192).ok());
  const auto view = registry.view("a", 0, 65436);
  ASSERT_TRUE(view.ok());
  object.shrink(4096);
  EXPECT_EQ(std::to_integer<int>(view->data[3000]), 3100 % 256) << "this page is still there";
  EXPECT_FALSE(view->owner->lost());
  std::atomic<int> sum{0};
  std::vector<std::jthread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      for (std::size_t at = 8192; at < view->bytes; ++at) sum += std::to_integer<int>(view->data[at]);
    });
  }
  readers.clear();
  EXPECT_EQ(sum, 0);
  EXPECT_TRUE(view->owner->lost());
  view->data[20000] = std::byte{9};  // whoever writes results there finds memory too
  EXPECT_EQ(std::to_integer<int>(view->data[3000]), 3100 % 256);
  const auto again = registry.view("a", 0, 10);
  EXPECT_EQ(again.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(again.status().message(), fmt::format("Shared memory object '{}' became smaller while it was in use - "
                                                  "Expected: the region registered anew; region: a",
                                                  object.key()));
  object.shrink(65536);
  registry.unregister("a");
  ASSERT_TRUE(registry.register_region("a", object.key(), 0, 65536).ok());
  const auto anew = registry.view("a", 0, 65536);
  ASSERT_TRUE(anew.ok());
  EXPECT_FALSE(anew->owner->lost());
  EXPECT_EQ(std::to_integer<int>(registry.view("b", 0, 8192)->data[5000]), 5000 % 256);
}

TEST(SharedMemoryRegistryDeathTest, AnotherBusErrorEndsTheProcessAsBefore) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  ClientObject guarded(4096);
  SharedMemoryRegistry registry;
  ASSERT_TRUE(registry.register_region("a", guarded.key(), 0, 4096).ok());
  ClientObject bare(12288);
  bare.shrink(1);
  EXPECT_DEATH(bare[8192] = 1, "");
  bare.shrink(12288);
}

TEST(SharedMemoryRegistry, NamesWhatIsWrongWithAKey) {
  SharedMemoryRegistry registry;
  EXPECT_EQ(registry.register_region("a", "/no_such_object_of_ocelli", 0, 1).message(),
            "Shared memory object '/no_such_object_of_ocelli' cannot be opened: No such file or directory; region: a");
  for (const char* key : {"", "/", "/..", "../x", "/a/b", "//a"}) {
    EXPECT_EQ(registry.register_region("a", key, 0, 1).code(), StatusCode::kInvalidArgument) << key;
  }
  EXPECT_EQ(registry.register_region("", "/x", 0, 1).code(), StatusCode::kInvalidArgument);
}

TEST(SharedMemoryRegistry, ListsAndForgets) {
  ClientObject object(4096);
  SharedMemoryRegistry registry(2);
  ASSERT_TRUE(registry.register_region("b", object.key(), 0, 16).ok());
  ASSERT_TRUE(registry.register_region("a", object.key(), 16, 32).ok());
  EXPECT_EQ(registry.register_region("a", object.key(), 0, 16).code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(registry.register_region("c", object.key(), 0, 16).code(), StatusCode::kResourceExhausted);
  const auto all = registry.status();
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].name, "a");
  EXPECT_EQ((*all)[0].key, object.key());
  EXPECT_EQ((*all)[0].offset, 16u);
  EXPECT_EQ((*all)[0].byte_size, 32u);
  EXPECT_EQ(registry.status("b").value().size(), 1u);
  EXPECT_EQ(registry.status("zzz").status().code(), StatusCode::kNotFound);
  registry.unregister("zzz");
  registry.unregister_all();
  EXPECT_TRUE(registry.status().value().empty());
}

}  // namespace
}  // namespace ocelli::transport
