// Our types and OpenVINO's, both ways.
#pragma once

#include <openvino/core/layout.hpp>
#include <openvino/core/partial_shape.hpp>
#include <openvino/core/shape.hpp>
#include <openvino/core/type/element_type.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "tensor/data_type.hpp"
#include "tensor/shape.hpp"

namespace ocelli::openvino {

// kUndefined for types that we do not carry (u1, i4, f8, ...).
DataType from_ov(const ov::element::Type& type) noexcept;
ov::element::Type to_ov(DataType type);

// "fp32", "uint8", case-insensitive, as --precision spells them; empty when unknown.
std::optional<ov::element::Type> element_type_from_option(std::string_view name);

// The rank must be at most Shape::kMaxRank; larger ones are cut (no model of ours has them).
Shape from_ov(const ov::Shape& shape);
ov::Shape to_ov(const Shape& shape);
PartialShape from_ov(const ov::PartialShape& shape);
ov::PartialShape to_ov(const PartialShape& shape);

// "[N,C,H,W]" becomes "NCHW"; empty stays empty.
std::string layout_letters(const ov::Layout& layout);

}  // namespace ocelli::openvino
