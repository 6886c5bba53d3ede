#include "backends/openvino/openvino_types.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/letter_case.hpp"

namespace ocelli::openvino {
namespace {

struct TypePair {
  DataType ours;
  ov::element::Type_t theirs;
};

constexpr std::array kTypes{
    TypePair{DataType::kBool, ov::element::Type_t::boolean}, TypePair{DataType::kInt8, ov::element::Type_t::i8},
    TypePair{DataType::kInt16, ov::element::Type_t::i16},    TypePair{DataType::kInt32, ov::element::Type_t::i32},
    TypePair{DataType::kInt64, ov::element::Type_t::i64},    TypePair{DataType::kUint8, ov::element::Type_t::u8},
    TypePair{DataType::kUint16, ov::element::Type_t::u16},   TypePair{DataType::kUint32, ov::element::Type_t::u32},
    TypePair{DataType::kUint64, ov::element::Type_t::u64},   TypePair{DataType::kFp16, ov::element::Type_t::f16},
    TypePair{DataType::kBf16, ov::element::Type_t::bf16},    TypePair{DataType::kFp32, ov::element::Type_t::f32},
    TypePair{DataType::kFp64, ov::element::Type_t::f64},     TypePair{DataType::kString, ov::element::Type_t::string},
};

constexpr std::array kOptionTypes{
    std::pair{"fp64", ov::element::Type_t::f64},   std::pair{"fp32", ov::element::Type_t::f32},
    std::pair{"fp16", ov::element::Type_t::f16},   std::pair{"bf16", ov::element::Type_t::bf16},
    std::pair{"uint1", ov::element::Type_t::u1},   std::pair{"int8", ov::element::Type_t::i8},
    std::pair{"uint8", ov::element::Type_t::u8},   std::pair{"int16", ov::element::Type_t::i16},
    std::pair{"uint16", ov::element::Type_t::u16}, std::pair{"int32", ov::element::Type_t::i32},
    std::pair{"uint32", ov::element::Type_t::u32}, std::pair{"int64", ov::element::Type_t::i64},
    std::pair{"uint64", ov::element::Type_t::u64},
};

}  // namespace

DataType from_ov(const ov::element::Type& type) noexcept {
  const auto found = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& pair) { return type == pair.theirs; });
  return found == kTypes.end() ? DataType::kUndefined : found->ours;
}

ov::element::Type to_ov(DataType type) {
  const auto found = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& pair) { return type == pair.ours; });
  return found == kTypes.end() ? ov::element::Type_t::dynamic : found->theirs;
}

std::optional<ov::element::Type> element_type_from_option(std::string_view name) {
  for (const auto& [option, type] : kOptionTypes) {
    if (same_letters(name, option)) return type;
  }
  return std::nullopt;
}

Shape from_ov(const ov::Shape& shape) {
  Shape result;
  for (const auto extent : shape) {
    if (result.rank() < Shape::kMaxRank) result.push_back(static_cast<std::int64_t>(extent));
  }
  return result;
}

ov::Shape to_ov(const Shape& shape) { return {shape.begin(), shape.end()}; }

PartialShape from_ov(const ov::PartialShape& shape) {
  PartialShape result;
  result.rank_known = shape.rank().is_static();
  if (!result.rank_known) return result;
  for (const auto& dimension : shape) {
    const bool bounded =
        dimension.get_max_length() >= 0 && dimension.get_max_length() != std::numeric_limits<std::int64_t>::max();
    result.dims.push_back({dimension.get_min_length(), bounded ? dimension.get_max_length() : Dimension::kUnbounded});
  }
  return result;
}

ov::PartialShape to_ov(const PartialShape& shape) {
  if (!shape.rank_known) return ov::PartialShape::dynamic();
  std::vector<ov::Dimension> dims;
  for (const auto& dim : shape.dims) dims.emplace_back(dim.min, dim.max);
  return {std::move(dims)};
}

std::string layout_letters(const ov::Layout& layout) {
  if (layout.empty()) return "";
  std::string result = layout.to_string();
  std::erase_if(result, [](char c) { return c == '[' || c == ']' || c == ','; });
  return result;
}

}  // namespace ocelli::openvino
