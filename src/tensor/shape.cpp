#include "tensor/shape.hpp"

#include <algorithm>
#include <limits>

namespace ocelli {
namespace {

// The widest element is 8 bytes; half of that margin again keeps every byte count far from overflow.
constexpr std::int64_t kMaxElements = std::numeric_limits<std::int64_t>::max() / 16;

template <typename Range, typename Text>
std::string join(const Range& items, Text text) {
  std::string out = "(";
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ',';
    first = false;
    out += text(item);
  }
  return out += ')';
}

std::string dimension_text(const Dimension& dim) {
  if (dim.is_static()) return std::to_string(dim.min);
  if (dim.max == Dimension::kUnbounded && dim.min <= 1) return "-1";
  return std::to_string(dim.min) + ":" + std::to_string(dim.max);
}

}  // namespace

std::optional<std::size_t> Shape::element_count() const noexcept {
  std::int64_t product = 1;
  bool empty = false;
  for (auto dim : dims()) {
    if (dim < 0) return std::nullopt;
    empty = empty || dim == 0;
    if (dim == 0) continue;
    if (product > kMaxElements / dim) return std::nullopt;
    product *= dim;
  }
  return empty ? 0 : static_cast<std::size_t>(product);
}

std::string Shape::to_string() const {
  return join(dims(), [](std::int64_t dim) { return std::to_string(dim); });
}

PartialShape PartialShape::from(const Shape& shape) {
  PartialShape partial;
  for (auto dim : shape.dims()) partial.dims.push_back(Dimension::fixed(dim));
  return partial;
}

bool PartialShape::is_static() const noexcept {
  return rank_known && std::all_of(dims.begin(), dims.end(), [](const Dimension& dim) { return dim.is_static(); });
}

bool PartialShape::accepts(const Shape& shape) const noexcept {
  if (!rank_known) return true;
  if (shape.rank() != dims.size()) return false;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (!dims[i].accepts(shape[i])) return false;
  }
  return true;
}

std::optional<Shape> PartialShape::static_shape() const {
  if (!is_static() || dims.size() > Shape::kMaxRank) return std::nullopt;
  Shape shape;
  for (const auto& dim : dims) shape.push_back(dim.min);
  return shape;
}

std::string PartialShape::to_string() const {
  if (!rank_known) return "(...)";
  return join(dims, dimension_text);
}

}  // namespace ocelli
