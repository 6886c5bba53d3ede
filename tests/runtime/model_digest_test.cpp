#include "runtime/model_digest.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "support/backend_fixture.hpp"

namespace ocelli {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

std::string digest(const ModelSource& source, const fs::path& memo = {}) {
  auto result = model_digest(source, memo);
  EXPECT_TRUE(result.ok()) << result.status().to_string();
  return result.ok() ? *result : "";
}

// Gives the file other bytes of the same length and, so that the machine's clock does not matter, a time of its own.
void replace(const fs::path& path, const std::string& text, int seconds) {
  std::ofstream(path) << text;
  fs::last_write_time(path, fs::file_time_type{} + std::chrono::hours(24) + std::chrono::seconds(seconds));
}

// The value of the empty input is published with the algorithm (xxHash 0.8, XXH3_128bits, seed 0).
TEST(ModelDigest, IsXxh3) { EXPECT_EQ(digest_of(""), "99aa06d3014798d86001c324468d497f"); }

TEST(ModelDigest, FollowsTheBytesOfAllFilesAndNotTheirPlace) {
  const TemporaryFolder here;
  const TemporaryFolder there;
  for (const auto* folder : {&here, &there}) {
    folder->write("model.xml", "<net/>");
    folder->write("model.bin", "weights");
  }
  const ModelSource source{ModelFormat::kOpenvinoIr, here.path() / "model.xml"};
  const auto first = digest(source);
  EXPECT_EQ(first.size(), 32U);
  EXPECT_EQ(digest({ModelFormat::kOpenvinoIr, there.path() / "model.xml"}), first);
  here.write("model.bin", "Weights");
  EXPECT_NE(digest(source), first);
}

// Otherwise every start would write them anew, under another name.
TEST(ModelDigest, WhatTheCacheKeepsInTheModelsFolderMakesNoDifference) {
  const TemporaryFolder folder;
  folder.write("model.onnx", "graph");
  const ModelSource source{ModelFormat::kOnnx, folder.path() / "model.onnx"};
  const auto first = digest(source);
  for (const char* extension : {".digest", ".ocelli", ".batching", ".speed"}) {
    folder.write(std::string("kept") + extension, "x");
    EXPECT_EQ(digest(source), first) << extension;
  }
  folder.write("weights.data", "x");
  EXPECT_NE(digest(source), first) << "the model's own";
}

TEST(ModelDigest, IsRememberedUntilAFileChanges) {
  const TemporaryFolder folder;
  const TemporaryFolder memo;
  const auto path = folder.path() / "model.tflite";
  const ModelSource source{ModelFormat::kTflite, path};
  replace(path, "one", 1);
  const auto first = digest(source, memo.path());
  replace(path, "two", 1);  // nobody can tell without reading
  EXPECT_EQ(digest(source, memo.path()), first);
  replace(path, "two", 2);
  EXPECT_NE(digest(source, memo.path()), first);
  EXPECT_EQ(digest(source, memo.path()), digest(source));
}

TEST(ModelDigest, CountsWhatLiesBesideAnOnnxModel) {
  const TemporaryFolder folder;
  folder.write("model.onnx", "graph");
  const ModelSource source{ModelFormat::kOnnx, folder.path() / "model.onnx"};
  replace(folder.path() / "weights.data", "w", 1);
  const auto first = digest(source);
  replace(folder.path() / "weights.data", "w", 2);
  EXPECT_NE(digest(source), first);
}

TEST(ModelDigest, IsRememberedInTheModelsOwnFolder) {
  const TemporaryFolder folder;
  folder.write("model.onnx", "graph");
  const ModelSource source{ModelFormat::kOnnx, folder.path() / "model.onnx"};
  const auto first = digest(source, folder.path());
  EXPECT_EQ(digest(source, folder.path()), first);
  EXPECT_EQ(digest(source), first);
}

TEST(ModelDigest, CountsWhatLiesBehindLinks) {
  const TemporaryFolder elsewhere;
  const TemporaryFolder folder;
  folder.write("saved_model.pb", "graph");
  elsewhere.write("variables.data-00000-of-00001", "weights");
  fs::create_directory_symlink(elsewhere.path(), folder.path() / "variables");
  fs::create_directory_symlink("nowhere", folder.path() / "assets");
  const ModelSource source{ModelFormat::kTensorflow, folder.path()};
  const auto first = digest(source);
  elsewhere.write("variables.data-00000-of-00001", "Weights");
  EXPECT_NE(digest(source), first);
}

TEST(ModelDigest, LinksInCirclesAreNotFollowedForEver) {
  const TemporaryFolder folder;
  folder.write("saved_model.pb", "graph");
  for (const char* name : {"a", "b", "c"}) fs::create_directory_symlink(folder.path(), folder.path() / name);
  const auto result = model_digest({ModelFormat::kTensorflow, folder.path()}, {});
  EXPECT_EQ(result.status().message(), folder.path().string() + " holds more than 4096 files and folders");
}

TEST(ModelDigest, MissingFileIsNotFound) {
  const TemporaryFolder folder;
  const auto result = model_digest({ModelFormat::kTflite, folder.path() / "none.tflite"}, {});
  EXPECT_EQ(result.status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace ocelli
