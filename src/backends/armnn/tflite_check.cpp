#include "backends/armnn/tflite_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "backends/armnn/flatbuffer_table.hpp"

namespace ocelli::arm_nn {
namespace {

constexpr std::size_t kModelOperatorCodes = 1;
constexpr std::size_t kModelSubgraphs = 2;
constexpr std::size_t kModelBuffers = 4;
constexpr std::size_t kCodeBuiltin = 0;
constexpr std::size_t kGraphTensors = 0;
constexpr std::size_t kGraphOperators = 3;
constexpr std::size_t kTensorBuffer = 2;
constexpr std::size_t kOperatorCode = 0;
constexpr std::size_t kOperatorInputs = 1;
constexpr std::size_t kOperatorOutputs = 2;
constexpr std::size_t kOperatorOptionsType = 3;
constexpr std::size_t kOperatorOptions = 4;

// An input that an operator can do without.
constexpr std::int32_t kNoTensor = -1;

// What kind of options the reader takes an operator to have, where it does not look (BuiltinOperator, BuiltinOptions).
struct Expected {
  std::int8_t operation;
  std::uint8_t options;
};
constexpr std::array<Expected, 11> kExpected{{
    {0, 11},   // ADD
    {1, 5},    // AVERAGE_POOL_2D
    {2, 10},   // CONCATENATION
    {3, 1},    // CONV_2D
    {4, 2},    // DEPTHWISE_CONV_2D
    {9, 8},    // FULLY_CONNECTED
    {17, 5},   // MAX_POOL_2D
    {18, 21},  // MUL
    {25, 9},   // SOFTMAX
    {45, 32},  // STRIDED_SLICE
    {83, 59},  // PACK
}};

struct Counts {
  std::size_t tensors = 0;
  std::size_t buffers = 0;
};

std::string find_wrong_index(const FlatTable& operation, std::size_t field, const char* verb, std::size_t tensors) {
  const auto indexes = operation.vector(field, 4);
  for (std::size_t i = 0; i < indexes.count; ++i) {
    const auto index = operation.element<std::int32_t>(indexes, i).value_or(kNoTensor);
    if (index != kNoTensor && (index < 0 || static_cast<std::size_t>(index) >= tensors))
      return fmt::format("{} tensor {} of {}", verb, index, tensors);
  }
  return {};
}

std::string find_operator_fault(const FlatTable& model, const FlatTable& operation, const Counts& counts) {
  const auto codes = model.vector(kModelOperatorCodes, 4);
  const auto number = operation.scalar<std::uint32_t>(kOperatorCode, 0);
  const auto code = model.table_element(codes, number);
  if (!code) return fmt::format("is of kind {} of {}", number, codes.count);
  const auto builtin = code->scalar<std::int8_t>(kCodeBuiltin, 0);
  if (builtin < 0) return fmt::format("has the code {}", builtin);
  if (auto fault = find_wrong_index(operation, kOperatorInputs, "takes", counts.tensors); !fault.empty()) return fault;
  if (auto fault = find_wrong_index(operation, kOperatorOutputs, "gives", counts.tensors); !fault.empty()) return fault;
  const auto expected = std::ranges::find(kExpected, builtin, &Expected::operation);
  const auto type = operation.scalar<std::uint8_t>(kOperatorOptionsType, 0);
  if (expected != kExpected.end() && (type != expected->options || !operation.table(kOperatorOptions)))
    return fmt::format("has code {} and options of kind {}, not {}", builtin, type, expected->options);
  return {};
}

}  // namespace

std::string find_tflite_fault(std::span<const std::byte> file) {
  const auto model = FlatTable::root(file);
  const auto graph = model ? model->table_element(model->vector(kModelSubgraphs, 4), 0) : std::nullopt;
  if (!graph) return "it has no graph";
  const auto tensors = graph->vector(kGraphTensors, 4);
  const Counts counts{tensors.count, model->vector(kModelBuffers, 4).count};
  for (std::size_t i = 0; i < tensors.count; ++i) {
    const auto tensor = graph->table_element(tensors, i);
    const auto buffer = tensor ? tensor->scalar<std::uint32_t>(kTensorBuffer, 0) : 0;
    if (!tensor || buffer >= counts.buffers)
      return fmt::format("tensor {} is in buffer {} of {}", i, buffer, counts.buffers);
  }
  const auto operators = graph->vector(kGraphOperators, 4);
  for (std::size_t i = 0; i < operators.count; ++i) {
    const auto operation = graph->table_element(operators, i);
    if (!operation) return fmt::format("operator {} is not there", i);
    if (auto fault = find_operator_fault(*model, *operation, counts); !fault.empty())
      return fmt::format("operator {} {}", i, fault);
  }
  return {};
}

}  // namespace ocelli::arm_nn
