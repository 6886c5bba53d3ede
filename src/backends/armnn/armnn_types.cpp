#include "backends/armnn/armnn_types.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <armnn/TypesUtils.hpp>
#include <array>
#include <new>
#include <string_view>
#include <utility>

#include "backends/armnn/run_error.hpp"

namespace ocelli::arm_nn {
namespace {

// By name, because older releases do not have all of these types.
constexpr std::array<std::pair<std::string_view, DataType>, 11> kTypes{{
    {"Float32", DataType::kFp32},
    {"Float16", DataType::kFp16},
    {"BFloat16", DataType::kBf16},
    {"QAsymmU8", DataType::kUint8},
    {"QAsymmS8", DataType::kInt8},
    {"QSymmS8", DataType::kInt8},
    {"QSymmS16", DataType::kInt16},
    {"QSymm16", DataType::kInt16},  // as release 20.08 spells it
    {"Signed32", DataType::kInt32},
    {"Signed64", DataType::kInt64},
    {"Boolean", DataType::kBool},
}};

template <typename Info>
void make_constant(Info& info) {
  if constexpr (requires { info.SetConstant(true); }) info.SetConstant(true);
}

}  // namespace

DataType to_data_type(::armnn::DataType type) {
  const std::string_view name = ::armnn::GetDataTypeName(type);
  const auto found = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& known) { return known.first == name; });
  return found == kTypes.end() ? DataType::kUndefined : found->second;
}

Shape to_shape(const ::armnn::TensorShape& shape) {
  Shape result;
  for (unsigned i = 0; i < shape.GetNumDimensions(); ++i) result.push_back(shape[i]);
  return result;
}

::armnn::TensorInfo plain_info(const ::armnn::TensorInfo& info) {
  ::armnn::TensorInfo plain(info.GetShape(), info.GetDataType());
  make_constant(plain);
  return plain;
}

Status to_status(const std::exception& failure, StatusCode code, const std::string& doing) {
  if (dynamic_cast<const std::bad_alloc*>(&failure)) return {StatusCode::kResourceExhausted, doing + ": out of memory"};
  return {code_of_error(failure.what(), code), fmt::format("{}: {}", doing, readable_error(failure.what()))};
}

}  // namespace ocelli::arm_nn
