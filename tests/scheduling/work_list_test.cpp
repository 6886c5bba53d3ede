#include "scheduling/work_list.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
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
  EXPECT_EQ(list.pop_back(), nullptr);
}

}  // namespace
}  // namespace ocelli::scheduling
