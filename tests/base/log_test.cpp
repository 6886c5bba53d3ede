#include "base/log.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace ocelli {
namespace {

TEST(ConsoleLogSink, AMessageIsOneLineWhateverIsInIt) {
  const auto path = std::filesystem::path(testing::TempDir()) / ("log_" + std::to_string(::getpid()));
  std::string error;
  const Log log(make_console_log_sink(LogLevel::kInfo, path.string(), &error), "test");
  log.error("no device {}", std::string("NOPE\n[2026] forged\x1b[31m\0 é", 27));
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_TRUE(text.ends_with("no device NOPE\\n[2026] forged\\x1b[31m\\x00 é\n")) << text;
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace ocelli
