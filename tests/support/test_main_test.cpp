// What test_main tells ctest: this program runs itself on the cases that begin with DISABLED_.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <string>

namespace {

TEST(Example, DISABLED_Passes) {}
TEST(Example, DISABLED_Skips) { GTEST_SKIP() << "no device"; }
TEST(Example, DISABLED_Fails) { FAIL(); }

struct Outcome {
  int exit_code = -1;
  std::string last_line;
};

Outcome run_examples(const std::string& options) {
  const std::string program = std::filesystem::read_symlink("/proc/self/exe");
  FILE* pipe = popen(("'" + program + "' --gtest_also_run_disabled_tests " + options + " 2>&1").c_str(), "r");
  std::string output;
  for (int c = 0; pipe != nullptr && (c = std::fgetc(pipe)) != EOF;) output += static_cast<char>(c);
  const int status = pipe == nullptr ? -1 : pclose(pipe);
  if (!output.empty() && output.back() == '\n') output.pop_back();
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output.substr(output.find_last_of('\n') + 1)};
}

TEST(TestMain, SaysThatNothingWasTestedAndWhy) {
  const Outcome skipped = run_examples("--gtest_filter=Example.DISABLED_Skips");
  EXPECT_EQ(skipped.exit_code, 77);
  EXPECT_EQ(skipped.last_line, "skipped: no device");
  const Outcome none = run_examples("--gtest_filter=Nothing.*");
  EXPECT_EQ(none.exit_code, 77);
  EXPECT_EQ(none.last_line, "skipped: there is no test");
}

TEST(TestMain, PassesWhenATestRanBesideSkippedOnes) {
  const Outcome passed = run_examples("--gtest_filter=Example.DISABLED_Skips:Example.DISABLED_Passes");
  EXPECT_EQ(passed.exit_code, 0);
  EXPECT_EQ(passed.last_line, "some skipped: no device");
  EXPECT_EQ(run_examples("--gtest_list_tests").exit_code, 0);
}

TEST(TestMain, FailsBesideSkippedTests) {
  EXPECT_EQ(run_examples("--gtest_filter=Example.DISABLED_Skips:Example.DISABLED_Fails").exit_code, 1);
}

}  // namespace
