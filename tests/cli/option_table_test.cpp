#include "cli/option_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "cli/option_page.hpp"

namespace ocelli::cli {
namespace {

TEST(OptionTable, HasEveryOptionOfOvms) {
  std::set<std::string_view> names;
  for (const auto& option : option_table()) EXPECT_TRUE(names.insert(option.name).second) << option.name << " twice";
  for (const auto* name : {"port",
                           "rest_port",
                           "grpc_bind_address",
                           "rest_bind_address",
                           "grpc_workers",
                           "grpc_max_threads",
                           "grpc_memory_quota",
                           "grpc_channel_arguments",
                           "rest_workers",
                           "log_level",
                           "log_path",
                           "file_system_poll_wait_seconds",
                           "sequence_cleaner_poll_wait_minutes",
                           "custom_node_resources_cleaner_interval_seconds",
                           "cache_dir",
                           "metrics_enable",
                           "metrics_list",
                           "cpu_extension",
                           "allow_credentials",
                           "allowed_origins",
                           "allowed_methods",
                           "allowed_headers",
                           "api_key_file",
                           "allowed_media_domains",
                           "allowed_local_media_path",
                           "verbose_response",
                           "trace_path",
                           "model_name",
                           "model_path",
                           "batch_size",
                           "shape",
                           "layout",
                           "mean",
                           "scale",
                           "color_format",
                           "precision",
                           "model_version_policy",
                           "nireq",
                           "target_device",
                           "plugin_config",
                           "stateful",
                           "idle_sequence_cleanup",
                           "low_latency_transformation",
                           "max_sequence_number",
                           "config_path",
                           "list_models",
                           "model_repository_path",
                           "add_to_config",
                           "remove_from_config",
                           "pull",
                           "source_model",
                           "task",
                           "configure",
                           "gguf_filename",
                           "overwrite_models",
                           "weight-format",
                           "extra_quantization_params",
                           "source_loras",
                           "help",
                           "version"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST(OptionTable, EveryRowSetsAFieldOfItsOwn) {
  std::set<const void*> fields;
  CommandLine line;
  for (const auto& option : option_table()) {
    const auto* field = std::visit([](auto* pointer) -> const void* { return pointer; }, option.field(line));
    EXPECT_TRUE(fields.insert(field).second) << option.name;
  }
}

TEST(OptionTable, RowsAreWhole) {
  for (const auto& option : option_table()) {
    EXPECT_TRUE(option.help.ends_with('.')) << option.name << ": help is whole sentences";
    EXPECT_EQ(option.value.empty(), option_type_name(option) == "bool") << option.name;
    CommandLine line;
    auto field = option.field(line);
    if (const auto* text = std::get_if<std::string*>(&field); text && !option.choices.empty()) {
      EXPECT_TRUE(is_choice(option, **text)) << option.name << ": its own default";
    }
  }
}

TEST(OptionTable, DefaultsAreThoseOfOvms) {
  std::map<std::string_view, std::string> defaults;
  for (const auto& option : option_table()) defaults[option.name] = option_default(option);
  EXPECT_EQ(defaults["grpc_bind_address"], "0.0.0.0");
  EXPECT_EQ(defaults["grpc_memory_quota"], "2147483648");
  EXPECT_EQ(defaults["log_level"], "INFO");
  EXPECT_EQ(defaults["file_system_poll_wait_seconds"], "1");
  EXPECT_EQ(defaults["sequence_cleaner_poll_wait_minutes"], "5");
  EXPECT_EQ(defaults["allowed_origins"], "*");
  EXPECT_EQ(defaults["max_sequence_number"], "500");
  EXPECT_EQ(defaults["weight-format"], "int8");
}

TEST(OptionPage, JsonHoldsEveryRow) {
  const auto list = nlohmann::json::parse(options_json());
  ASSERT_EQ(list.size(), option_table().size());
  EXPECT_GT(list.size(), 60U);
}

TEST(OptionPage, HelpFitsTheTerminal) {
  for (const std::size_t columns : {60, 80, 100}) {
    std::istringstream lines(options_help(columns));
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("      ")) {
        EXPECT_LE(line.size(), columns) << line;
      }
    }
  }
}

}  // namespace
}  // namespace ocelli::cli
