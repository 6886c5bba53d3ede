// Runs on the submitter's own thread: a network thread, which may only be kept for a moment.
#include <limits>
#include <thread>

#include "scheduling/batching_fixture.hpp"

namespace ocelli::scheduling {
namespace {

TEST_F(BatchingTest, ALargerRequestThanAnyBeforeDoesNotRunOnItsSubmittersThread) {
  std::atomic<std::thread::id> ran_on{};
  const auto kernel = [&](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
    ran_on = std::this_thread::get_id();
    return test::add_kernel(1)(in, out);
  };
  inline_below = std::chrono::hours(1);  // whatever was measured is quick enough
  BatchingOptions off;
  off.mode = BatchingMode::kOff;
  open(std::make_shared<test::FakeModel>(test::add_signature(open_batch(2)), kernel), off);
  int count = 0;
  const auto runs_here = [&](std::uint32_t rows) {
    scheduler->submit(item(0, rows));
    EXPECT_TRUE(wait_for(++count));
    model->wait_until_told();
    return ran_on.load() == std::this_thread::get_id();
  };
  EXPECT_FALSE(runs_here(10)) << "nothing is known yet";
  EXPECT_TRUE(runs_here(10));
  EXPECT_TRUE(runs_here(1));
  EXPECT_FALSE(runs_here(1000));
  EXPECT_TRUE(runs_here(1000)) << "it was quick";
  expect_answers();
}

}  // namespace
}  // namespace ocelli::scheduling
