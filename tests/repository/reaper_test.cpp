#include "repository/reaper.hpp"

#include <gtest/gtest.h>

#include <future>

#include "support/fake_catalog.hpp"

namespace ocelli::repository {
namespace {

constexpr std::chrono::seconds kSoon{20};

serving::ServableHandle leased(Reaper& reaper, std::promise<void>& gone, std::function<void()> at_the_end = {}) {
  auto* const made = new test::FakeServable({}, [](serving::InferenceCall&) {});
  std::shared_ptr<serving::Servable> servable(made, [at_the_end = std::move(at_the_end)](test::FakeServable* last) {
    if (at_the_end) at_the_end();
    delete last;
  });
  return reaper.lease(std::move(servable), [&gone] { gone.set_value(); });
}

TEST(ReaperTest, DestroysOnAThreadOfItsOwnWhenTheLastHandleGoes) {
  const auto reaper = Reaper::create();
  std::promise<void> gone;
  std::thread::id where;
  auto handle = leased(*reaper, gone, [&] { where = std::this_thread::get_id(); });
  auto copy = handle;
  handle.reset();
  copy.reset();
  ASSERT_EQ(gone.get_future().wait_for(kSoon), std::future_status::ready);
  EXPECT_NE(where, std::this_thread::get_id());
}

// One that is being compiled for a request holds nobody else's memory back.
TEST(ReaperTest, OneThatTakesLongDoesNotKeepOthers) {
  const auto reaper = Reaper::create();
  std::promise<void> go_on;
  std::promise<void> slow_gone;
  std::promise<void> quick_gone;
  auto slow = leased(*reaper, slow_gone, [&] { go_on.get_future().wait_for(kSoon); });
  auto quick = leased(*reaper, quick_gone);
  slow.reset();
  quick.reset();
  EXPECT_EQ(quick_gone.get_future().wait_for(kSoon / 2), std::future_status::ready);
  auto end = slow_gone.get_future();
  EXPECT_EQ(end.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  go_on.set_value();
  EXPECT_EQ(end.wait_for(kSoon), std::future_status::ready);
}

TEST(ReaperTest, CloseWaitsForWhatIsLeft) {
  const auto reaper = Reaper::create();
  std::promise<void> gone[6];
  for (auto& each : gone) leased(*reaper, each).reset();
  std::promise<void> late;
  auto kept = leased(*reaper, late);
  reaper->close();
  for (auto& each : gone) EXPECT_EQ(each.get_future().wait_for(std::chrono::seconds(0)), std::future_status::ready);
  kept.reset();
  EXPECT_EQ(late.get_future().wait_for(std::chrono::seconds(0)), std::future_status::ready)
      << "destroyed where its handle went";
}

}  // namespace
}  // namespace ocelli::repository
