#include "scheduling/work_list.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

namespace ocelli::scheduling {
namespace {

TEST(WorkList, AgreesWithAStableSortUnderRandomUse) {
  std::mt19937 random(7);
  std::vector<WorkItem> items(200);
  std::vector<WorkItem*> expected;
  WorkList list;
  for (auto& item : items) {
    item.priority = static_cast<std::int32_t>(random() % 5);
    list.insert(item);
    expected.push_back(&item);
    if (random() % 4 == 0) {
      const auto victim = expected.begin() + static_cast<std::ptrdiff_t>(random() % expected.size());
      list.remove(**victim);
      expected.erase(victim);
    }
  }
  std::stable_sort(expected.begin(), expected.end(),
                   [](const auto* a, const auto* b) { return a->priority > b->priority; });
  EXPECT_EQ(list.size(), expected.size());
  std::vector<WorkItem*> got;
  while (auto* item = list.pop_front()) got.push_back(item);
  EXPECT_EQ(got, expected);
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.pop_front(), nullptr);
}

TEST(WorkList, WhatComesBackStandsWhereItStoodBefore) {
  std::mt19937 random(8);
  std::vector<WorkItem> items(60);
  WorkList list;
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i].priority = static_cast<std::int32_t>(random() % 3);
    items[i].times.queued = TimePoint(std::chrono::milliseconds(i / 2));  // some came in the same moment
    list.insert(items[i]);
  }
  std::vector<std::pair<std::int32_t, TimePoint>> before;
  for (const auto* item = list.front(); item; item = WorkList::next(*item))
    before.emplace_back(item->priority, item->times.queued);
  for (int round = 0; round < 500; ++round) {
    auto& one = items[random() % items.size()];
    auto& two = items[random() % items.size()];
    list.remove(one);
    if (&one != &two) list.remove(two);
    list.put_back(one);
    if (&one != &two) list.put_back(two);
  }
  std::vector<std::pair<std::int32_t, TimePoint>> after;
  for (const auto* item = list.front(); item; item = WorkList::next(*item))
    after.emplace_back(item->priority, item->times.queued);
  EXPECT_EQ(after, before);
}

}  // namespace
}  // namespace ocelli::scheduling
