#include "runtime/model_size.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace ocelli {
namespace {

namespace fs = std::filesystem;

struct ModelSizeTest : testing::Test {
  ModelSizeTest() { fs::create_directories(folder / "saved" / "variables"); }
  ~ModelSizeTest() override { fs::remove_all(folder); }
  void write(const fs::path& name, std::size_t bytes) const { std::ofstream(folder / name) << std::string(bytes, 'x'); }
  std::uint64_t size(const char* name, ModelFormat format) const { return model_size({format, folder / name}); }

  const fs::path folder = fs::temp_directory_path() / ("ocelli-size-" + std::to_string(getpid()));
};

TEST_F(ModelSizeTest, WeightsBesideTheModelCount) {
  write("m.xml", 10);
  write("m.bin", 1000);
  write("other.bin", 5000);
  EXPECT_EQ(size("m.xml", ModelFormat::kOpenvinoIr), 1010U);
  write("p.pdmodel", 7);
  write("p.pdiparams", 70);
  EXPECT_EQ(size("p.pdmodel", ModelFormat::kPaddle), 77U);
}

TEST_F(ModelSizeTest, OnnxWeightsInFilesOfTheirOwn) {
  write("a.onnx", 3);
  write("a.onnx_data", 30);
  write("a.weights", 300);
  write("ab.onnx", 9000);
  EXPECT_EQ(size("a.onnx", ModelFormat::kOnnx), 333U);
}

TEST_F(ModelSizeTest, AFolderCountsWhole) {
  write("saved/saved_model.pb", 5);
  write("saved/variables/v", 50);
  EXPECT_EQ(size("saved", ModelFormat::kTensorflow), 55U);
}

TEST_F(ModelSizeTest, WhatIsNotThereTakesNothing) { EXPECT_EQ(size("none.onnx", ModelFormat::kOnnx), 0U); }

}  // namespace
}  // namespace ocelli
