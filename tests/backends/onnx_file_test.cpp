#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "backends/onnx_file/onnx_summary.hpp"

namespace ocelli::onnx_file {
namespace {

bool is_model(const std::string& bytes) {
  std::istringstream file(bytes);
  return summarize_onnx(file).has_value();
}

// A file whose size is there before its content (a copy under way, a crash) would be walked through two bytes at a
// time: minutes for each gigabyte, in which no other model is loaded.
TEST(OnnxFile, ZerosWhereAFieldShouldBeginAreNoModel) {
  const std::string model("\x3a\x00", 2);  // field 7, the graph, without content
  EXPECT_TRUE(is_model(model));
  EXPECT_FALSE(is_model(model + std::string(2, '\0')));
  EXPECT_FALSE(is_model(std::string(4096, '\0')));
}

}  // namespace
}  // namespace ocelli::onnx_file
