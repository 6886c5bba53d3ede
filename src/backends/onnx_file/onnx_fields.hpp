// Field numbers of onnx.proto3 (onnx/onnx.proto of the ONNX project), as far as they are read here.
#pragma once

#include <cstdint>

namespace ocelli::onnx_file::field {

inline constexpr std::uint32_t kModelGraph = 7;
inline constexpr std::uint32_t kGraphNode = 1;
inline constexpr std::uint32_t kGraphInitializer = 5;
inline constexpr std::uint32_t kGraphInput = 11;
inline constexpr std::uint32_t kGraphOutput = 12;
inline constexpr std::uint32_t kNodeInput = 1;
inline constexpr std::uint32_t kNodeOutput = 2;
inline constexpr std::uint32_t kNodeOperator = 4;
inline constexpr std::uint32_t kNodeAttribute = 5;
inline constexpr std::uint32_t kNodeDomain = 7;
inline constexpr std::uint32_t kAttributeGraph = 6;
inline constexpr std::uint32_t kAttributeGraphs = 11;
inline constexpr std::uint32_t kValueName = 1;
inline constexpr std::uint32_t kValueType = 2;
inline constexpr std::uint32_t kTypeTensor = 1;
inline constexpr std::uint32_t kTensorTypeShape = 2;
inline constexpr std::uint32_t kTensorType = 2;
inline constexpr std::uint32_t kTensorName = 8;
inline constexpr std::uint32_t kShapeDimension = 1;
inline constexpr std::uint32_t kDimensionValue = 1;
inline constexpr std::uint32_t kDimensionName = 2;

}  // namespace ocelli::onnx_file::field
