// DataType: what one element of a tensor is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ocelli {

// kString elements have no fixed size: see string_tensor.hpp for how they are stored.
enum class DataType : std::uint8_t {
  kUndefined,
  kBool,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kFp16,
  kBf16,
  kFp32,
  kFp64,
  kString,
};

// Bytes per element; 0 for kUndefined and kString.
std::size_t element_size(DataType type) noexcept;

// KServe v2 name: "FP32", "BOOL", "BYTES"; "UNDEFINED" for kUndefined.
std::string_view kserve_name(DataType type) noexcept;
// From a KServe v2 name, case-sensitive; empty when there is no such type.
std::optional<DataType> data_type_from_kserve(std::string_view name) noexcept;

// OpenVINO Model Server's spelling in messages and in "precision": "FP32", "U8" is "UINT8"; kString is "STRING".
std::string_view precision_name(DataType type) noexcept;

}  // namespace ocelli
