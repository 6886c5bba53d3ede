#include "cli/command_line.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>  // setenv

#include <vector>

namespace ocelli::cli {
namespace {

using Words = std::vector<std::string>;

// Sets a variable for the length of a test.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  ~Environment() { ::unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
};

CommandLine parsed(const Words& words) {
  auto line = parse_command_line(words);
  EXPECT_TRUE(line.ok()) << line.status().to_string();
  return line.ok() ? *line : CommandLine{};
}

std::string failure(const Words& words) {
  const auto line = parse_command_line(words);
  EXPECT_FALSE(line.ok());
  return std::string(line.status().message());
}

TEST(CommandLine, BothSpellingsOfAValue) {
  EXPECT_EQ(parsed({"--rest_port", "8080"}).server.rest.port, 8080U);
  EXPECT_EQ(parsed({"--rest_port=8080"}).server.rest.port, 8080U);
  EXPECT_EQ(parsed({"--plugin_config={\"A\":\"x=y\"}"}).server.model.plugin_config, "{\"A\":\"x=y\"}");
  EXPECT_EQ(parsed({"--shape", "(1,3,224,224)"}).server.model.shape, "(1,3,224,224)");
}

TEST(CommandLine, SwitchesMayHaveAValue) {
  EXPECT_TRUE(parsed({"--metrics_enable"}).server.metrics.enabled);
  EXPECT_TRUE(parsed({"--metrics_enable=true"}).server.metrics.enabled);
  EXPECT_FALSE(parsed({"--metrics_enable=false"}).server.metrics.enabled);
  EXPECT_EQ(parsed({"--idle_sequence_cleanup=false"}).server.model.idle_sequence_cleanup, false);
  EXPECT_EQ(
      failure({"--metrics_enable=maybe"}),
      "error parsing options: Argument ‘maybe’ failed to parse - Expected: true or false; given to --metrics_enable");
}

TEST(CommandLine, ValuesMayBeginWithADash) { EXPECT_EQ(parsed({"--batch_size", "-1"}).server.model.batch_size, "-1"); }

TEST(CommandLine, TheLastOfSeveralCounts) { EXPECT_EQ(parsed({"--port", "1", "--port", "2"}).server.grpc.port, 2U); }

TEST(CommandLine, KnowsWhatWasGiven) {
  const auto line = parsed({"--port", "0"});
  EXPECT_TRUE(line.has("port"));
  EXPECT_FALSE(line.has("rest_port"));
}

TEST(CommandLine, UnmatchedArgumentsAreListed) {
  EXPECT_EQ(failure({"--nonsense", "--port", "1", "word"}),
            "error parsing options - unmatched arguments: --nonsense, word, ");
  EXPECT_EQ(failure({"--metrics_enable", "true"}), "error parsing options - unmatched arguments: true, ");
}

TEST(CommandLine, NumbersMustBeWholeAndFit) {
  for (const std::string text : {"12x", "", "4294967296", "-1", "1.5", " 1", "0x10"}) {
    EXPECT_EQ(failure({"--port", text}), "error parsing options: Argument ‘" + text +
                                             "’ failed to parse - Expected: a whole number from 0 to 4294967295; given "
                                             "to --port");
    EXPECT_EQ(failure({"--port=" + text}), failure({"--port", text}));
  }
}

TEST(CommandLine, RangesAndChoicesAreTold) {
  EXPECT_EQ(failure({"--max_connections", "0"}), "max_connections should be from 1 to 1000000; given: 0");
  EXPECT_EQ(failure({"--dynamic_batching", "maybe"}), "dynamic_batching should be one of: off|auto|on; given: maybe");
}

TEST(CommandLine, AMissingValueIsAnError) {
  EXPECT_EQ(failure({"--rest_port"}), "error parsing options: Option ‘rest_port’ is missing an argument");
}

TEST(CommandLine, AnEmptyValueIsRefusedWhereItWouldMeanSomethingElse) {
  for (const std::string name :
       {"api_key_file", "rest_certificate", "grpc_key", "target_device", "log_path", "shape"}) {
    const auto text =
        "error parsing options: Argument ‘’ failed to parse - Expected: a text that is not empty; given to --" + name;
    EXPECT_EQ(failure({"--" + name, ""}), text);
    EXPECT_EQ(failure({"--" + name + "="}), text);
  }
  EXPECT_EQ(parsed({"--cache_dir="}).server.cache_dir, "");
  EXPECT_TRUE(parsed({"--metrics_list", ""}).has("metrics_list"));
  EXPECT_TRUE(failure({"--access_log="}).starts_with("access_log should be one of: "));
}

TEST(CommandLine, AnEmptySwitchIsNotTrue) {
  for (const std::string name : {"allow_credentials", "metrics_enable", "stateful", "idle_sequence_cleanup"}) {
    EXPECT_EQ(failure({"--" + name + "="}),
              "error parsing options: Argument ‘’ failed to parse - Expected: true or false; given to --" + name);
  }
}

TEST(CommandLine, TheRepositoryVariableGivesDefaults) {
  const Environment variable("OVMS_MODEL_REPOSITORY_PATH", "/models");
  EXPECT_EQ(parsed({"--port", "1"}).server.config_path, "/models/config.json");
  EXPECT_EQ(parsed({"--port", "1", "--config_path", "/c"}).server.config_path, "/c");
  EXPECT_EQ(parsed({"--model_name", "m", "--model_path", "/p"}).server.config_path, "");
  EXPECT_EQ(parsed({"--add_to_config", "--model_name", "m"}).server.config_path, "/models/config.json");
  EXPECT_EQ(parsed({"--list_models"}).model_repository_path, "/models");
}

TEST(CommandLine, AKeyFileWinsOverTheVariable) {
  const Environment variable("API_KEY", "secret");
  EXPECT_EQ(parsed({"--port", "1"}).server.api_key, "secret");
  EXPECT_EQ(parsed({"--api_key_file", "/k"}).server.api_key, "");
}

}  // namespace
}  // namespace ocelli::cli
