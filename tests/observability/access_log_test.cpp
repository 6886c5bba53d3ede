#include "observability/access_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

namespace ocelli::observability {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

class AccessLogTest : public testing::Test {
 protected:
  ~AccessLogTest() override { std::filesystem::remove(path_); }
  std::string text() const {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string path_ = testing::TempDir() + "access_log_" + std::to_string(::getpid());
};

AccessRecord example() {
  AccessRecord record;
  record.interface = "REST";
  record.remote = "127.0.0.1:4711";
  record.method = "POST";
  record.path = "/v2/models/m/infer";
  record.status = 200;
  record.bytes_in = 64;
  record.bytes_out = 80;
  record.took = std::chrono::microseconds(123);
  record.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  record.note = "batch 4";
  return record;
}

TEST_F(AccessLogTest, TextLineHoldsTheFacts) {
  auto log = make_access_log(AccessLogFormat::kText, path_);
  ASSERT_TRUE(log.ok());
  (*log)->record(example());
  EXPECT_THAT(text(), ContainsRegex("^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z REST 127.0.0.1:4711 "));
  EXPECT_THAT(
      text(),
      HasSubstr(
          "\"POST /v2/models/m/infer\" 200 in=64 out=80 us=123 trace=4bf92f3577b34da6a3ce929d0e0e4736 batch 4\n"));
}

TEST_F(AccessLogTest, JsonLineHoldsTheFacts) {
  auto log = make_access_log(AccessLogFormat::kJson, path_);
  ASSERT_TRUE(log.ok());
  (*log)->record(example());
  EXPECT_THAT(
      text(),
      HasSubstr(R"("path":"/v2/models/m/infer","status":200,"bytes_in":64,"bytes_out":80,"us":123,)"
                R"("trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","parent_id":"00f067aa0ba902b7","note":"batch 4"})"));
}

TEST_F(AccessLogTest, ARequestThatNobodyTracesHasNoParent) {
  auto log = make_access_log(AccessLogFormat::kJson, path_);
  ASSERT_TRUE(log.ok());
  auto record = example();
  record.traceparent = {};
  (*log)->record(record);
  EXPECT_THAT(text(), ContainsRegex(R"("trace_id":"[0-9a-f]{32}","parent_id":"","note")"));
}

TEST_F(AccessLogTest, AClientCannotForgeALine) {
  auto log = make_access_log(AccessLogFormat::kText, path_);
  ASSERT_TRUE(log.ok());
  auto record = example();
  record.path = "/x\" 200\nforged";
  (*log)->record(record);
  EXPECT_THAT(text(), HasSubstr(R"("POST /x\" 200\u000aforged" 200)"));
  record.method = "A\",\"status\":200,\"x\":\"";
  (*log)->record(record);
  EXPECT_THAT(text(), HasSubstr(R"("A\",\"status\":200,\"x\":\" /x\")"));
}

TEST_F(AccessLogTest, LinesOfManyThreadsDoNotMix) {
  auto log = make_access_log(AccessLogFormat::kText, path_);
  ASSERT_TRUE(log.ok());
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 200; ++i) (*log)->record(example());
      });
    }
  }
  std::ifstream file(path_);
  int lines = 0;
  for (std::string line; std::getline(file, line); ++lines) EXPECT_THAT(line, ContainsRegex("^20.*batch 4$"));
  EXPECT_EQ(lines, 800);
}

class KeptLines final : public LogSink {
 public:
  [[nodiscard]] LogLevel level() const noexcept override { return LogLevel::kInfo; }
  void write(LogLevel, std::string_view, const std::source_location&, std::string_view text) noexcept override {
    lines.emplace_back(text);
  }
  std::vector<std::string> lines;
};

TEST_F(AccessLogTest, AFullDiskIsReportedOnce) {
  const auto lines = std::make_shared<KeptLines>();
  auto log = make_access_log(AccessLogFormat::kText, "/dev/full", Log(lines, "serving"));
  ASSERT_TRUE(log.ok());
  for (int i = 0; i < 3; ++i) (*log)->record(example());
  EXPECT_THAT(lines->lines,
              testing::ElementsAre("access_log_path /dev/full cannot be written, lines are missing there: "
                                   "No space left on device"));
}

TEST_F(AccessLogTest, AFileThatCannotBeOpenedIsNamed) {
  const auto log = make_access_log(AccessLogFormat::kText, "/no/such/folder/access.log");
  ASSERT_FALSE(log.ok());
  EXPECT_THAT(std::string(log.status().message()), HasSubstr("/no/such/folder/access.log"));
}

}  // namespace
}  // namespace ocelli::observability
