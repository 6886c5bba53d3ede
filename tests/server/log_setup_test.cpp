#include "server/log_setup.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace ocelli::server {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class LogSetup : public testing::Test {
 protected:
  LogSetup() { fs::create_directories(folder_); }
  ~LogSetup() override { fs::remove_all(folder_); }

  LogOptions options(const std::string& name) const {
    LogOptions options;
    options.path = (folder_ / name).string();
    return options;
  }

  fs::path folder_ = fs::path(testing::TempDir()) / ("log_setup_" + std::to_string(::getpid()));
};

TEST_F(LogSetup, APipeWithoutAReaderIsRefusedAtOnce) {
  const auto pipe = options("pipe");
  ASSERT_EQ(::mkfifo(pipe.path.c_str(), 0600), 0);
  const auto log = make_log(pipe);
  ASSERT_FALSE(log.ok());
  EXPECT_THAT(std::string(log.status().message()),
              HasSubstr("log_path " + pipe.path + " cannot be opened: No such device or address"));
}

TEST_F(LogSetup, AReaderThatReadsNothingStopsNothing) {
  const auto pipe = options("pipe");
  ASSERT_EQ(::mkfifo(pipe.path.c_str(), 0600), 0);
  const int reader = ::open(pipe.path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  const int capacity = ::fcntl(reader, F_SETPIPE_SZ, 4096);
  const auto log = make_log(pipe);
  ASSERT_TRUE(log.ok()) << log.status().to_string();
  for (int written = 0; written < 2 * capacity; written += 100) log->log.info("{}", std::string(100, 'x'));
  char bytes[100];
  EXPECT_EQ(::read(reader, bytes, sizeof(bytes)), 100);
  ::close(reader);
}

TEST_F(LogSetup, AFileIsAppendedToInAFolderThatIsMade) {
  const auto file = options("new/folder/log");
  for (const char* text : {"first", "second"}) {
    const auto log = make_log(file);
    ASSERT_TRUE(log.ok()) << log.status().to_string();
    log->log.info("{}", text);
  }
  std::ifstream stream(file.path);
  const std::string all{std::istreambuf_iterator<char>(stream), {}};
  EXPECT_THAT(all, testing::ContainsRegex("first\n.*second\n"));
}

TEST_F(LogSetup, AFolderIsNoLog) {
  const auto log = make_log(options("."));
  ASSERT_FALSE(log.ok());
  EXPECT_THAT(std::string(log.status().message()), HasSubstr("Is a directory"));
}

}  // namespace
}  // namespace ocelli::server
