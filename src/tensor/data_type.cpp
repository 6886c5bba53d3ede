#include "tensor/data_type.hpp"

#include <array>

namespace ocelli {
namespace {

struct TypeRow {
  DataType type;
  std::string_view kserve;
  std::size_t bytes;
};

constexpr std::array kTypes{
    TypeRow{DataType::kUndefined, "UNDEFINED", 0}, TypeRow{DataType::kBool, "BOOL", 1},
    TypeRow{DataType::kInt8, "INT8", 1},           TypeRow{DataType::kInt16, "INT16", 2},
    TypeRow{DataType::kInt32, "INT32", 4},         TypeRow{DataType::kInt64, "INT64", 8},
    TypeRow{DataType::kUint8, "UINT8", 1},         TypeRow{DataType::kUint16, "UINT16", 2},
    TypeRow{DataType::kUint32, "UINT32", 4},       TypeRow{DataType::kUint64, "UINT64", 8},
    TypeRow{DataType::kFp16, "FP16", 2},           TypeRow{DataType::kBf16, "BF16", 2},
    TypeRow{DataType::kFp32, "FP32", 4},           TypeRow{DataType::kFp64, "FP64", 8},
    TypeRow{DataType::kString, "BYTES", 0},
};

const TypeRow& row(DataType type) noexcept { return kTypes[static_cast<std::size_t>(type)]; }

}  // namespace

std::size_t element_size(DataType type) noexcept { return row(type).bytes; }
std::string_view kserve_name(DataType type) noexcept { return row(type).kserve; }

std::optional<DataType> data_type_from_kserve(std::string_view name) noexcept {
  for (const auto& entry : kTypes) {
    if (entry.type != DataType::kUndefined && entry.kserve == name) return entry.type;
  }
  return std::nullopt;
}

std::string_view precision_name(DataType type) noexcept {
  return type == DataType::kString ? "STRING" : row(type).kserve;
}

}  // namespace ocelli
