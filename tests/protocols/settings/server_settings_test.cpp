#include "protocols/settings/server_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ocelli::settings {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class KeptLines final : public LogSink {
 public:
  [[nodiscard]] LogLevel level() const noexcept override { return LogLevel::kTrace; }
  void write(LogLevel, std::string_view, const std::source_location&, std::string_view text) noexcept override {
    lines.emplace_back(text);
  }
  std::vector<std::string> lines;
};

class ServerSettings : public ::testing::Test {
 protected:
  // What is written of a line of each level.
  std::vector<std::string> written() {
    kept_->lines.clear();
    const Log log(gate_, "test");
    log.trace("trace");
    log.debug("debug");
    log.info("info");
    log.warning("warning");
    log.error("error");
    return kept_->lines;
  }
  std::string update(const Values& wanted) { return update_log(*gate_, wanted).to_string(); }

  std::shared_ptr<KeptLines> kept_ = std::make_shared<KeptLines>();
  std::shared_ptr<LogGate> gate_ = std::make_shared<LogGate>(kept_, LogSettings::from(LogLevel::kInfo), "/log");
};

TEST_F(ServerSettings, EachLevelIsSwitchedOnItsOwn) {
  EXPECT_THAT(written(), ElementsAre("info", "warning", "error"));
  EXPECT_EQ(update({{"log_verbose_level", std::uint64_t{1}}, {"log_info", false}}), "OK");
  EXPECT_THAT(written(), ElementsAre("debug", "warning", "error"));
  EXPECT_EQ(update({{"log_verbose_level", std::uint64_t{7}}}), "OK");
  EXPECT_THAT(written(), ElementsAre("trace", "debug", "warning", "error"));
  EXPECT_EQ(update({{"log_verbose_level", std::uint64_t{0}}, {"log_warning", false}, {"log_error", false}}), "OK");
  EXPECT_THAT(written(), IsEmpty());
  EXPECT_EQ(update({{"log_error", true}, {"log_format", std::string("default")}}), "OK");
  EXPECT_THAT(written(), ElementsAre("error"));
}

TEST_F(ServerSettings, StartAsTheLevelSays) {
  EXPECT_EQ(LogSettings::from(LogLevel::kTrace), (LogSettings{true, true, true, 2}));
  EXPECT_EQ(LogSettings::from(LogLevel::kDebug), (LogSettings{true, true, true, 1}));
  EXPECT_EQ(LogSettings::from(LogLevel::kError), (LogSettings{false, false, true, 0}));
  const Values expected{{"log_file", std::string("/log")},
                        {"log_info", true},
                        {"log_warning", true},
                        {"log_error", true},
                        {"log_verbose_level", std::uint64_t{0}},
                        {"log_format", std::string("default")}};
  EXPECT_EQ(log_settings(*gate_), expected);
}

TEST_F(ServerSettings, WhatCannotBeDoneIsRefusedByNameAndChangesNothing) {
  for (const auto& [name, value] : Values{{"log_file", std::string("/x")},
                                          {"log_format", std::string("ISO8601")},
                                          {"log_info", std::string("a")},
                                          {"log_verbose_level", true},
                                          {"log_verbose_level", std::uint64_t{1} << 32U},
                                          {"foo", true}}) {
    EXPECT_THAT(update({{"log_error", false}, {name, value}}),
                ::testing::AllOf(HasSubstr("INVALID_ARGUMENT"), HasSubstr("setting name: " + name)));
  }
  EXPECT_EQ(gate_->settings(), LogSettings{});
}

TEST_F(ServerSettings, TraceIsOffAndStaysSo) {
  EXPECT_EQ(trace_settings().front().second, Value(std::vector<std::string>{"OFF"}));
  using List = std::vector<std::string>;
  EXPECT_TRUE(update_trace({}).ok());
  EXPECT_TRUE(
      update_trace({{"trace_level", List{"OFF"}}, {"trace_rate", std::string("1000")}, {"trace_mode", {}}}).ok());
  EXPECT_TRUE(
      update_trace({{"trace_rate", List{"1000"}}, {"trace_file", List{}}, {"trace_level", std::string("OFF")}}).ok());
  for (const auto& [name, value] : Values{{"trace_level", List{"TIMESTAMPS"}},
                                          {"trace_rate", std::string("1")},
                                          {"trace_file", std::string("/x")},
                                          {"foo", std::string("1")}}) {
    const Status status = update_trace({{name, value}});
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("setting name: " + name));
  }
}

}  // namespace
}  // namespace ocelli::settings
