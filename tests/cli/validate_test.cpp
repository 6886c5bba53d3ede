#include "cli/validate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace ocelli::cli {
namespace {

using Words = std::vector<std::string>;

const Machine kMachine{4, 1024};

// The message of the check, "" when all is well.
std::string verdict(Words words, const Machine& machine = kMachine) {
  auto line = parse_command_line(words);
  if (!line.ok()) return std::string(line.status().message());
  return std::string(validate(*line, machine).message());
}

Words one_model(Words more) {
  Words words{"--model_name", "m", "--model_path", "/p"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(Validate, AcceptsTheSeedsExamples) {
  EXPECT_EQ(verdict(one_model({"--port", "9001", "--target_device", "MULTI:MYRIAD,CPU"})), "");
  EXPECT_EQ(verdict({"--config_path", "/opt/config.json", "--port", "9001", "--rest_port", "8001"}), "");
  EXPECT_EQ(verdict(one_model({"--port", "9001", "--plugin_config", R"({"PERFORMANCE_HINT":"LATENCY"})"})), "");
}

TEST(Validate, WithoutPortsTheGrpcPortIsTheOldDefault) {
  auto line = parse_command_line(one_model({}));
  ASSERT_TRUE(line.ok());
  ASSERT_TRUE(validate(*line, kMachine).ok());
  EXPECT_EQ(line->server.grpc.port, 9178U);
  EXPECT_EQ(line->server.rest.port, 0U);
}

TEST(Validate, OneGivenPortLeavesTheOtherOff) {
  auto line = parse_command_line(one_model({"--rest_port", "8000"}));
  ASSERT_TRUE(line.ok());
  ASSERT_TRUE(validate(*line, kMachine).ok());
  EXPECT_EQ(line->server.grpc.port, 0U);
}

TEST(Validate, ChecksComeInOvmssOrder) {
  // Each line has all mistakes of the following ones too.
  Words wrong{"--list_models",
              "--add_to_config",
              "--config_path",
              "c",
              "--model_name",
              "m",
              "--grpc_workers",
              "9",
              "--metrics_list",
              "x",
              "--port",
              "70000",
              "--grpc_bind_address",
              "_",
              "--cpu_extension",
              "/no",
              "--log_level",
              "x"};
  EXPECT_EQ(verdict(wrong), "error parsing options - --list_models cannot be used with --add_to_config");
  wrong.erase(wrong.begin(), wrong.begin() + 2);
  EXPECT_EQ(verdict(wrong), "Use either config_path or model_path with model_name");
  wrong.erase(wrong.begin() + 2, wrong.begin() + 4);
  EXPECT_EQ(verdict(wrong), "grpc_workers count should be from 1 to CPU core count : 4");
  wrong.erase(wrong.begin() + 2, wrong.begin() + 4);
  EXPECT_EQ(verdict(wrong), "metrics_enable setting is missing, required when metrics_list is provided");
  wrong.erase(wrong.begin() + 2, wrong.begin() + 4);
  EXPECT_EQ(verdict(wrong), "port number out of range from 0 to 65535");
  wrong[3] = "9000";
  EXPECT_EQ(verdict(wrong), "grpc_bind_address has invalid format: proper hostname or IP address expected.");
  wrong.erase(wrong.begin() + 4, wrong.begin() + 6);
  EXPECT_EQ(verdict(wrong), "File path provided as an --cpu_extension parameter does not exist in the filesystem: /no");
  wrong.erase(wrong.begin() + 4, wrong.begin() + 6);
  EXPECT_EQ(verdict(wrong), "log_level should be one of: TRACE, DEBUG, INFO, WARNING, ERROR");
}

TEST(Validate, RestWorkersAreBoundByTheOpenFiles) {
  EXPECT_EQ(max_rest_workers(1024), 144U);
  EXPECT_EQ(max_rest_workers(10), 0U);
  EXPECT_EQ(verdict(one_model({"--rest_port", "1", "--rest_workers", "144"})), "");
  EXPECT_EQ(verdict(one_model({"--rest_port", "1", "--rest_workers", "145"})),
            "rest_workers count cannot be larger than 144 due to open files limit. Current open files limit: 1024");
  EXPECT_EQ(verdict(one_model({"--rest_port", "1", "--rest_workers", "10001"}), {4, 1'000'000}),
            "rest_workers count should be from 2 to 10000");
}

TEST(Validate, BindAddresses) {
  for (const auto* good : {"0.0.0.0", "127.0.0.1", "::1", "::", "fe80::1", "localhost", "a-b.example.org",
                           "127.0.0.1,::1", "host1,10.0.0.2", "g1"}) {
    EXPECT_TRUE(valid_bind_addresses(good)) << good;
  }
  const std::string long_label(64, 'x');
  std::string long_name;
  while (long_name.size() < 256) long_name += "abcdefgz.";
  long_name += "z";
  for (const std::string& bad : {std::string(""), std::string("1.2.3"), std::string("256.1.1.1"), std::string("a_b"),
                                 std::string("-a"), std::string("a-"), std::string("a..b"), std::string("127.0.0.1,"),
                                 std::string(" ::1"), std::string("12345:"), long_label, long_name}) {
    EXPECT_FALSE(valid_bind_addresses(bad)) << bad;
  }
}

TEST(Validate, StatefulExtrasNeedStateful) {
  EXPECT_EQ(verdict(one_model({"--port", "1", "--max_sequence_number", "3"})),
            "Setting low_latency_transformation, max_sequence_number and idle_sequence_cleanup require setting "
            "stateful flag for "
            "the model.");
  EXPECT_EQ(verdict(one_model({"--port", "1", "--max_sequence_number", "3", "--stateful"})), "");
  EXPECT_EQ(verdict({"--config_path", "c", "--port", "1", "--stateful"}),
            "Model parameters in CLI are exclusive with the config file");
}

TEST(Validate, PreprocessingNeedsALayout) {
  for (const std::string name : {"mean", "scale", "color_format", "precision"}) {
    EXPECT_EQ(verdict(one_model({"--port", "1", "--" + name, "1"})),
              "error parsing options - --" + name + " parameter requires --layout to be set");
    EXPECT_EQ(verdict(one_model({"--port", "1", "--" + name, "1", "--layout", "NCHW"})), "");
  }
}

TEST(Validate, ListsOfOurOwnAreUsageErrorsToo) {
  EXPECT_EQ(verdict(one_model({"--preferred_batch_sizes", "4,0"})),
            "preferred_batch_sizes should be a comma list of numbers from 1; given: 0");
  EXPECT_THAT(verdict(one_model({"--device_memory", "CPU=much"})), testing::HasSubstr("device_memory"));
  EXPECT_THAT(verdict(one_model({"--simulated_devices", "[]"})), testing::HasSubstr("simulated_devices"));
  EXPECT_EQ(verdict(one_model({"--preferred_batch_sizes", "4,8", "--device_memory", "CPU=8GB"})), "");
}

TEST(Validate, TlsFilesGoTogether) {
  EXPECT_EQ(verdict(one_model({"--port", "1", "--grpc_certificate", "/c"})),
            "grpc_certificate and grpc_key must be set together");
  EXPECT_EQ(verdict(one_model({"--port", "1", "--rest_client_ca", "/c"})), "rest_client_ca requires rest_certificate");
}

TEST(Validate, ConfigManagement) {
  EXPECT_EQ(verdict({"--list_models", "--model_repository_path", "/r"}), "");
  EXPECT_TRUE(verdict({"--remove_from_config", "--config_path", "/c"})
                  .starts_with("Set model_name with add_to_config/remove_from_config\n"));
  EXPECT_TRUE(verdict({"--add_to_config", "--config_path", "/c", "--model_name", "m"})
                  .starts_with("Set model_name either with model_path or model_repository_path with add_to_config\n"));
  EXPECT_EQ(verdict({"--remove_from_config", "--config_path", "/c", "--model_name", "m"}), "");
}

}  // namespace
}  // namespace ocelli::cli
