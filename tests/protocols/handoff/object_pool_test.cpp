#include "protocols/handoff/object_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "protocols/handoff/waiting_pool.hpp"

namespace ocelli::handoff {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Counts itself.
struct Job {
  explicit Job(std::atomic<int>& counter) : alive(counter) { ++alive; }
  ~Job() { --alive; }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  std::atomic<int>& alive;
};

class ObjectPoolTest : public testing::Test {
 protected:
  ObjectPool<Job>::Make make() {
    return [this](ObjectPool<Job>&) { return std::make_unique<Job>(alive_); };
  }
  std::atomic<int> alive_{0};
};

TEST_F(ObjectPoolTest, UsesObjectsAgain) {
  ObjectPool<Job> pool(make());
  auto& first = pool.acquire();
  auto& second = pool.acquire();
  EXPECT_NE(&first, &second);
  EXPECT_EQ(pool.in_use(), 2U);
  pool.release(first);
  EXPECT_EQ(&pool.acquire(), &first);
  EXPECT_EQ(alive_, 2);
  pool.release(first);
  pool.release(second);
}

TEST_F(ObjectPoolTest, WhatABurstNeededIsFreed) {
  ObjectPool<Job> pool(make(), 2);
  std::vector<Job*> jobs;
  for (int i = 0; i < 10; ++i) jobs.push_back(&pool.acquire());
  EXPECT_EQ(alive_, 10);
  for (auto* job : jobs) pool.release(*job);
  EXPECT_EQ(alive_, 2);
  EXPECT_EQ(pool.in_use(), 0U);
  pool.release(pool.acquire());
  EXPECT_EQ(alive_, 2);
}

TEST_F(ObjectPoolTest, DrainTellsWhetherAllAreBack) {
  ObjectPool<Job> pool(make());
  EXPECT_TRUE(pool.drain(milliseconds(0)));
  auto& job = pool.acquire();
  EXPECT_FALSE(pool.drain(milliseconds(1)));
  std::thread other([&] { pool.release(job); });
  EXPECT_TRUE(pool.drain(seconds(10)));
  other.join();
}

TEST_F(ObjectPoolTest, TheEndWaitsForAJobThatStillRuns) {
  std::atomic<bool> returning{false};
  std::thread runner;
  {
    WaitingPool<Job> pool(make());
    runner = std::thread([&returning, pool = &*pool, job = &pool->acquire()] {
      returning = true;
      pool->release(*job);
    });
  }
  EXPECT_TRUE(returning) << "the pool went before its job was back";
  EXPECT_EQ(alive_, 0);
  runner.join();
}

TEST_F(ObjectPoolTest, AJobThatNeverComesBackKeepsItsMemory) {
  ObjectPool<Job>* left = nullptr;
  Job* job = nullptr;
  {
    WaitingPool<Job> pool(make(), milliseconds(1));
    left = &*pool;
    job = &pool->acquire();
  }
  EXPECT_EQ(alive_, 1);
  left->release(*job);
  delete left;
  EXPECT_EQ(alive_, 0);
}

}  // namespace
}  // namespace ocelli::handoff
