#include "repository/model_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "repository/name_mapping.hpp"
#include "repository/temporary_folder.hpp"

namespace ocelli::repository {
namespace {

using ::testing::HasSubstr;

TEST(ModelFolder, OnlyPositiveNumbersWithoutLeadingZerosAreVersions) {
  EXPECT_EQ(version_of_folder("1"), 1);
  EXPECT_EQ(version_of_folder("9223372036854775807"), 9223372036854775807);
  for (const char* name : {"", "0", "01", "-1", "+1", "1a", "a1", "1 ", "9223372036854775808", "1.0"}) {
    EXPECT_FALSE(version_of_folder(name)) << name;
  }
}

TEST(ModelFolder, ScansVersions) {
  const test::TemporaryFolder folder;
  for (const char* file : {"1/m.onnx", "20/m.onnx", "02/m.onnx", "latest/m.onnx", "3"}) folder.write(file);
  const auto versions = scan_versions(folder.path());
  ASSERT_TRUE(versions.ok()) << versions.status().to_string();
  ASSERT_EQ(versions->size(), 2U);
  EXPECT_EQ(versions->at(20), folder.path() / "20");
  const auto missing = scan_versions(folder.path() / "none");
  EXPECT_EQ(missing.status().code(), StatusCode::kNotFound);
}

TEST(ModelFolder, AModelFileIsVersionOne) {
  const test::TemporaryFolder folder;
  const auto file = folder.write("net.onnx");
  const auto versions = scan_versions(file);
  ASSERT_TRUE(versions.ok());
  EXPECT_EQ(versions->at(1), file);
  EXPECT_EQ(model_file(file)->format, ModelFormat::kOnnx);
  EXPECT_FALSE(scan_versions(folder.write("notes.txt")).ok());
}

ModelFormat format_in(const test::TemporaryFolder& folder) {
  const auto source = find_model_file(folder.path());
  EXPECT_TRUE(source.ok()) << source.status().to_string();
  return source.ok() ? source->format : ModelFormat::kArmnn;
}

TEST(ModelFolder, FileSetsInTheirOrder) {
  const test::TemporaryFolder folder;
  folder.write("a.tflite");
  EXPECT_EQ(format_in(folder), ModelFormat::kTflite);
  folder.write("a.pb");
  EXPECT_EQ(format_in(folder), ModelFormat::kTensorflow);
  folder.write("a.pdmodel");
  EXPECT_EQ(format_in(folder), ModelFormat::kTensorflow) << ".pdmodel without .pdiparams does not count";
  folder.write("a.pdiparams");
  EXPECT_EQ(format_in(folder), ModelFormat::kPaddle);
  folder.write("a.onnx");
  EXPECT_EQ(format_in(folder), ModelFormat::kOnnx);
  folder.write("a.xml");
  EXPECT_EQ(format_in(folder), ModelFormat::kOnnx) << ".xml without .bin does not count";
  folder.write("a.bin");
  EXPECT_EQ(format_in(folder), ModelFormat::kOpenvinoIr);
}

TEST(ModelFolder, SavedModels) {
  const test::TemporaryFolder folder;
  folder.write("1/saved_model.pb");
  folder.write("1/variables/variables.index");
  folder.write("2/model/saved_model.pb");
  EXPECT_EQ(find_model_file(folder.path() / "1")->path, folder.path() / "1");
  EXPECT_EQ(find_model_file(folder.path() / "2")->path, folder.path() / "2/model");
}

TEST(ModelFolder, NothingUsableSaysWhatIsMissing) {
  const test::TemporaryFolder folder;
  folder.write("net.xml");
  const auto source = find_model_file(folder.path());
  ASSERT_FALSE(source.ok());
  EXPECT_EQ(source.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(std::string(source.status().message()), HasSubstr("net.xml lacks its net.bin"));
}

TEST(NameMapping, AbsentEmptyAndRead) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(*read_name_mapping(folder.path()), NameMapping{});
  folder.write("mapping_config.json", R"({"inputs":{"x":"image"},"outputs":{"y":"scores"}})");
  const auto mapping = read_name_mapping(folder.path());
  ASSERT_TRUE(mapping.ok()) << mapping.status().to_string();
  EXPECT_EQ(mapping->inputs.at("x"), "image");
  EXPECT_EQ(mapping->outputs.at("y"), "scores");
}

TEST(NameMapping, MistakesAreErrors) {
  const test::TemporaryFolder folder;
  for (const auto& [text, expected] :
       {std::pair{R"({"inputs":{"x":1}})", "inputs.x: a string expected"}, std::pair{R"({"in":{}})", "in: unknown key"},
        std::pair{R"({"inputs":{"x":"a","y":"a"}})", "the alias \"a\" is given twice"},
        std::pair{"{", "not valid JSON"}}) {
    folder.write("mapping_config.json", text);
    const auto mapping = read_name_mapping(folder.path());
    ASSERT_FALSE(mapping.ok()) << text;
    EXPECT_THAT(std::string(mapping.status().message()), HasSubstr(expected));
  }
}

TEST(NameMapping, WhatIsThereButNoFileIsAnErrorAndNotIgnored) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "mapping_config.json";
  const auto refused = [&] {
    const auto mapping = read_name_mapping(folder.path());
    std::filesystem::remove(path);
    return !mapping.ok() && mapping.status().message().find("mapping_config.json is not a file") != std::string::npos;
  };
  std::filesystem::create_directory(path);
  EXPECT_TRUE(refused()) << "a folder";
  std::filesystem::create_symlink(folder.path() / "nothing", path);
  EXPECT_TRUE(refused()) << "a link that leads nowhere";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_TRUE(refused()) << "a pipe";
}

TEST(NameMapping, ParametersUseTheAlias) {
  const NameMapping mapping{{{"x", "image"}}, {}};
  ModelConfig config;
  config.shapes["image"] = ShapeParameter{true, {}};
  const auto shapes = shapes_by_tensor(config, mapping);
  ASSERT_TRUE(shapes.ok());
  EXPECT_TRUE(shapes->at("x").automatic);
  config.preprocess.layout["x"] = "NCHW";
  const auto layouts = layouts_by_tensor(config, mapping);
  ASSERT_FALSE(layouts.ok());
  EXPECT_THAT(std::string(layouts.status().message()),
              HasSubstr("layout names input x, which mapping_config.json calls image"));
}

TEST(NameMapping, LayoutsOfOutputsUseTheAliasToo) {
  const NameMapping mapping{{{"x", "image"}}, {{"y", "scores"}}};
  ModelConfig config;
  config.preprocess.layout = {{"image", "NCHW"}, {"scores", "CN:NC"}};
  const auto layouts = layouts_by_tensor(config, mapping);
  ASSERT_TRUE(layouts.ok()) << layouts.status().to_string();
  EXPECT_EQ(*layouts, (std::map<std::string, std::string>{{"x", "NCHW"}, {"y", "CN:NC"}}));
  config.preprocess.layout = {{"y", "CN:NC"}};
  EXPECT_THAT(std::string(layouts_by_tensor(config, mapping).status().message()),
              HasSubstr("layout names output y, which mapping_config.json calls scores"));
}

TEST(NameMapping, NamesMayBeExchanged) {
  const NameMapping mapping{{{"a", "b"}, {"b", "a"}}, {}};
  ModelConfig config;
  config.preprocess.layout = {{"a", "NCHW"}};
  const auto layouts = layouts_by_tensor(config, mapping);
  ASSERT_TRUE(layouts.ok()) << layouts.status().to_string();
  EXPECT_EQ(layouts->at("b"), "NCHW");
}

}  // namespace
}  // namespace ocelli::repository
