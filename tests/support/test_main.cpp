// The main function of every GoogleTest program of ours: it tells ctest of a program in which nothing was tested, and
// says why tests were skipped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <set>
#include <string>

namespace {

// What ctest reports as skipped (SKIP_RETURN_CODE); tests/integration/run_suite.py has the same number.
constexpr int kSkipped = 77;

std::set<std::string> reasons_of_skipping() {
  std::set<std::string> reasons;
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  for (int s = 0; s < all.total_test_suite_count(); ++s) {
    const testing::TestSuite& suite = *all.GetTestSuite(s);
    for (int t = 0; t < suite.total_test_count(); ++t) {
      const testing::TestResult& result = *suite.GetTestInfo(t)->result();
      for (int part = 0; part < result.total_part_count(); ++part) {
        if (result.GetTestPartResult(part).skipped()) reasons.insert(result.GetTestPartResult(part).message());
      }
    }
  }
  return reasons;
}

}  // namespace

// Exit code 0 when tests passed, 1 when one failed, 77 when not one ran to its end. The last line tells why what was
// skipped was: "skipped: ..." when that was everything, else "some skipped: ...".
int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  const int code = RUN_ALL_TESTS();
  if (code != 0 || GTEST_FLAG_GET(list_tests)) return code;
  const bool tested = testing::UnitTest::GetInstance()->successful_test_count() > 0;
  std::set<std::string> reasons = reasons_of_skipping();
  if (tested && reasons.empty()) return code;
  if (reasons.empty()) reasons.insert("there is no test");
  std::cout << (tested ? "some skipped:" : "skipped:");
  for (const std::string& reason : reasons) std::cout << (reason == *reasons.begin() ? " " : "; ") << reason;
  std::cout << '\n';
  return tested ? code : kSkipped;
}
