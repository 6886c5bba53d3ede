#include "cli/config_page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "cli/json_schema.hpp"
#include "cli/option_table.hpp"
#include "repository/config_file.hpp"
#include "repository/config_key.hpp"

namespace ocelli::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

// Every key of the table.
constexpr const char* kWhole = R"json({
  "model_config_list": [
    {"config": {"name": "m", "base_path": "/m", "batch_size": "8", "shape": {"a": "(1,3)"}, "layout": {"a": "nc"},
      "mean": [1, 2, 3], "scale": 2.5, "color_format": "BGR:RGB", "precision": "uint8:fp32", "nireq": 4,
      "model_version_policy": {"specific": {"versions": [1, 3]}}, "target_device": "MULTI:GPU,CPU", "allow_cache": true,
      "plugin_config": {"HINT": "LATENCY", "NUM": 4, "ON": true}, "idle_unload_seconds": 0,
      "custom_loader_options": {"loader_name": "l", "file": "f"}, "graph_path": "g", "subconfig": "s"}},
    {"config": {"name": "s", "base_path": "/s", "stateful": true, "idle_sequence_cleanup": true,
      "low_latency_transformation": false, "max_sequence_number": 500,
      "model_version_policy": {"latest": {"num_versions": 1}}}},
    {"config": {"name": "a", "base_path": "/a", "model_version_policy": {"all": {}}}}],
  "pipeline_config_list": [{"name": "p", "inputs": ["i"], "demultiply_count": 2,
    "nodes": [{"name": "n", "type": "DL model", "model_name": "m", "version": 1, "demultiply_count": -1,
      "gather_from_node": "request", "library_name": "l", "params": {"a": "1"},
      "inputs": [{"x": {"node_name": "request", "data_item": "i"}}], "outputs": [{"data_item": "y", "alias": "z"}]}],
    "outputs": [{"o": {"node_name": "n", "data_item": "z"}}]}],
  "monitoring": {"metrics": {"enable": true, "metrics_list": ["ovms_streams"], "endpoint_path": "/m"}},
  "custom_loader_config_list": [{"config": {"loader_name": "l", "library_path": "p", "loader_config_file": "f"}}],
  "custom_node_library_config_list": [{"name": "n", "base_path": "b"}],
  "mediapipe_config_list": [{"name": "g", "base_path": "b", "graph_path": "p", "subconfig": "s"}]})json";

test::JsonSchema schema() { return test::JsonSchema(Json::parse(config_schema())); }

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// What the reader has against a document: kFile refuses all of it, kEntry a model or pipeline.
enum class Refused { kNothing, kEntry, kFile };

Refused reader(const Json& document) {
  const auto file = repository::parse_config(document.dump(), "/");
  if (!file.ok()) return Refused::kFile;
  const auto bad = [](const auto& entry) { return !entry.status.ok(); };
  const bool any = std::ranges::any_of(file->models, bad) || std::ranges::any_of(file->pipelines, bad);
  return any ? Refused::kEntry : Refused::kNothing;
}

// The places of all values in the document.
void collect(const Json& value, const Json::json_pointer& place, std::vector<Json::json_pointer>& places) {
  places.push_back(place);
  for (const auto& [key, member] : value.items()) {
    if (value.is_object()) collect(member, place / key, places);
    if (value.is_array()) collect(member, place / static_cast<std::size_t>(std::stoul(key)), places);
  }
}

void expect_agreement(test::JsonSchema& schema, const Json& document, const std::string& change) {
  const auto mistake = schema.mistake(document);
  const auto refused = reader(document);
  if (refused == Refused::kFile) {
    EXPECT_NE(mistake, "") << change << ": the reader refuses it, the schema does not";
  }
  if (!mistake.empty()) {
    EXPECT_NE(refused, Refused::kNothing) << change << ": the schema refuses it: " << mistake;
  }
}

TEST(ConfigSchema, HasEveryKeyThatTheReaderTakes) {
  auto rules = schema();
  const auto whole = Json::parse(kWhole);
  EXPECT_EQ(rules.mistake(whole), "");
  EXPECT_EQ(reader(whole), Refused::kNothing);
  EXPECT_EQ(rules.mistake(Json{{"inputs", {{"t", "a"}}}, {"outputs", {{"t", "a"}}}}, "#/$defs/mapping_config"), "");
  EXPECT_EQ(rules.seen(), rules.all()) << "kWhole is to have every key";
}

TEST(ConfigSchema, RefusesWhatTheReaderRefuses) {
  const auto whole = Json::parse(kWhole);
  const std::vector<Json> samples = {nullptr,
                                     true,
                                     0,
                                     1,
                                     -1,
                                     -2,
                                     10001,
                                     100001,
                                     5000000000,
                                     18446744073709551615U,
                                     1.5,
                                     "x",
                                     "",
                                     Json::array(),
                                     Json::array({"x"}),
                                     Json::array({1}),
                                     Json::array({0}),
                                     Json::array({Json::object()}),
                                     Json::object(),
                                     Json{{"k", "v"}},
                                     Json{{"k", 1}},
                                     Json{{"k", Json::object()}},
                                     Json{{"k", nullptr}}};
  std::vector<Json::json_pointer> places;
  collect(whole, Json::json_pointer(), places);
  auto rules = schema();
  for (const auto& place : places) {
    for (const auto& sample : samples) {
      auto document = whole;
      document[place] = sample;
      expect_agreement(rules, document, place.to_string() + " = " + sample.dump());
    }
    auto document = whole;
    if (document[place].is_object()) {
      document[place]["unknown"] = 1;
      expect_agreement(rules, document, place.to_string() + " with an unknown key");
    }
    if (place.empty() || !whole[place.parent_pointer()].is_object()) continue;
    document = whole;
    document[place.parent_pointer()].erase(place.back());
    expect_agreement(rules, document, place.to_string() + " taken out");
  }
}

TEST(ConfigSchema, SaysNoDefaultOfWhatMustBeThere) {
  const auto definitions = Json::parse(config_schema())["$defs"];
  const auto of = [&](const char* object, const char* key) {
    return definitions[object]["properties"][key]["description"].get<std::string>();
  };
  EXPECT_THAT(of("metrics", "enable"), Not(HasSubstr("Default")));
  EXPECT_THAT(of("metrics", "endpoint_path"), HasSubstr("Default: /metrics."));
}

TEST(ConfigSchema, TakesTheExamplesOfThePage) {
  const auto page = text_of(fs::path(OCELLI_SOURCE_DIR) / "docs/reference/config.md");
  auto rules = schema();
  int examples = 0;
  constexpr std::string_view kFence = "```json\n";
  for (auto begin = page.find(kFence); begin != std::string::npos; begin = page.find(kFence, begin)) {
    begin += kFence.size();
    const auto example = Json::parse(page.substr(begin, page.find("```", begin) - begin), nullptr, false);
    const bool config = example.contains("model_config_list");
    EXPECT_EQ(rules.mistake(example, config ? "#" : "#/$defs/mapping_config"), "") << example;
    EXPECT_TRUE(!config || reader(example) == Refused::kNothing) << example;
    ++examples;
  }
  EXPECT_EQ(examples, 3);
}

TEST(ConfigSchema, TakesTheFilesThatTheFuzzerStartsFrom) {
  auto rules = schema();
  for (const auto& file : fs::directory_iterator(fs::path(OCELLI_SOURCE_DIR) / "tests/fuzz/corpus/config_json")) {
    const auto document = Json::parse(text_of(file.path()), nullptr, false);
    if (!document.is_discarded()) expect_agreement(rules, document, file.path().filename());
  }
}

TEST(ConfigSchema, NamesTheOptionsThatThereAre) {
  for (const auto& key : repository::config_model().keys) {
    if (key.flag.empty()) continue;
    const auto option = std::ranges::find(option_table(), key.flag, &OptionSpec::name);
    ASSERT_NE(option, option_table().end()) << key.flag;
    EXPECT_EQ(option->config_key, key.name);
  }
}

}  // namespace
}  // namespace ocelli::cli
