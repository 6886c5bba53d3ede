// Numbers in a .tflite file that ARM NN's reader would follow anywhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <span>

#include "backends/armnn/flatbuffer_table.hpp"
#include "backends/armnn/tflite_check.hpp"
#include "support/built_backends.hpp"

namespace ocelli::arm_nn {
namespace {

using ::testing::MatchesRegex;

class TfliteCheck : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto models = test::generated_models();
    ASSERT_FALSE(models.empty()) << test::kNoModels;
    std::ifstream file(models / "heavy" / "model.tflite", std::ios::binary);
    file_.assign(std::istreambuf_iterator<char>(file), {});
    ASSERT_EQ(fault(), "");
  }
  [[nodiscard]] std::string fault() const { return find_tflite_fault(std::as_bytes(std::span(file_))); }
  // The first operator of the first graph.
  [[nodiscard]] FlatTable operation() const {
    const auto graph = model().table_element(model().vector(2, 4), 0);
    return *graph->table_element(graph->vector(3, 4), 0);
  }
  [[nodiscard]] FlatTable model() const { return *FlatTable::root(std::as_bytes(std::span(file_))); }
  void put(std::size_t at, std::uint8_t value) { file_.at(at) = static_cast<char>(value); }

  std::string file_;
};

TEST_F(TfliteCheck, TensorsThatAreNotThere) {
  put(operation().vector(1, 4).at, 200);
  EXPECT_THAT(fault(), MatchesRegex("operator 0 takes tensor 200 of [0-9]+"));
}

TEST_F(TfliteCheck, ResultsThatAreNotThere) {
  put(operation().vector(2, 4).at + 3, 0x80);
  EXPECT_THAT(fault(), MatchesRegex("operator 0 gives tensor -[0-9]+ of [0-9]+"));
}

TEST_F(TfliteCheck, OptionsOfAnotherKind) {
  put(*operation().field_at(3), 77);
  EXPECT_THAT(fault(), MatchesRegex("operator 0 has code [0-9]+ and options of kind 77, not [0-9]+"));
}

TEST_F(TfliteCheck, BuffersThatAreNotThere) {
  const auto graph = model().table_element(model().vector(2, 4), 0);
  const auto tensors = graph->vector(0, 4);
  for (std::size_t i = 0; i < tensors.count; ++i) {
    if (const auto buffer = graph->table_element(tensors, i)->field_at(2)) put(*buffer, 250);
  }
  EXPECT_THAT(fault(), MatchesRegex("tensor [0-9]+ is in buffer 250 of [0-9]+"));
}

TEST_F(TfliteCheck, AFileOfNothingHasNoGraph) {
  file_.assign(64, '\0');
  EXPECT_EQ(fault(), "it has no graph");
}

}  // namespace
}  // namespace ocelli::arm_nn
