// Shape: the extents of one tensor. PartialShape: what a model accepts, where extents may be ranges.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ocelli {

// Concrete extents, outermost first, each >= 0. Holds up to kMaxRank extents in place, so that it never allocates.
class Shape {
 public:
  // No runtime that we use goes beyond this rank; parsers refuse more.
  static constexpr std::size_t kMaxRank = 12;

  Shape() = default;
  // rank must be <= kMaxRank.
  explicit Shape(std::span<const std::int64_t> dims) {
    for (auto dim : dims) push_back(dim);
  }
  Shape(std::initializer_list<std::int64_t> dims) : Shape(std::span<const std::int64_t>(dims.begin(), dims.size())) {}

  [[nodiscard]] std::size_t rank() const noexcept { return rank_; }
  std::int64_t& operator[](std::size_t i) noexcept {
    assert(i < rank_);
    return dims_[i];
  }
  std::int64_t operator[](std::size_t i) const noexcept {
    assert(i < rank_);
    return dims_[i];
  }
  // One more, innermost extent; rank() must be below kMaxRank.
  void push_back(std::int64_t dim) noexcept {
    assert(rank_ < kMaxRank);
    dims_[rank_++] = dim;
  }
  void clear() noexcept { rank_ = 0; }
  [[nodiscard]] std::span<const std::int64_t> dims() const noexcept { return {dims_.data(), rank_}; }
  [[nodiscard]] const std::int64_t* begin() const noexcept { return dims_.data(); }
  [[nodiscard]] const std::int64_t* end() const noexcept { return dims_.data() + rank_; }

  // Product of the extents (1 for a scalar). Empty when the product of those that are not 0, times 16 bytes, does not
  // fit 63 bits (runtimes multiply them, also where another one is 0), or an extent is negative.
  [[nodiscard]] std::optional<std::size_t> element_count() const noexcept;

  // "(1,3,224,224)"; a scalar is "()".
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const Shape& a, const Shape& b) noexcept {
    return a.rank_ == b.rank_ && std::equal(a.begin(), a.end(), b.begin());
  }

 private:
  std::array<std::int64_t, kMaxRank> dims_{};
  std::uint8_t rank_ = 0;
};

// An inclusive range of extents; max = kUnbounded means any from min.
struct Dimension {
  static constexpr std::int64_t kUnbounded = -1;
  std::int64_t min = 0;
  std::int64_t max = kUnbounded;

  static Dimension fixed(std::int64_t extent) noexcept { return {extent, extent}; }
  static Dimension any() noexcept { return {0, kUnbounded}; }
  [[nodiscard]] bool is_static() const noexcept { return min == max; }
  // Whether the extent lies in the range.
  [[nodiscard]] bool accepts(std::int64_t extent) const noexcept {
    return extent >= min && (max == kUnbounded || extent <= max);
  }
  // The extent when static, else -1: what metadata shows.
  [[nodiscard]] std::int64_t extent_or_dynamic() const noexcept { return is_static() ? min : -1; }
  friend bool operator==(const Dimension&, const Dimension&) = default;
};

// What a model accepts for one tensor. rank_known = false accepts any rank.
struct PartialShape {
  std::vector<Dimension> dims;
  bool rank_known = true;

  // Made from concrete extents; then whether all extents are known, and whether a concrete shape lies within the
  // ranges.
  static PartialShape from(const Shape& shape);
  [[nodiscard]] bool is_static() const noexcept;
  [[nodiscard]] bool accepts(const Shape& shape) const noexcept;
  // The concrete shape, when static.
  [[nodiscard]] std::optional<Shape> static_shape() const;
  // "(1,3,-1,1:8)": -1 is any, a:b a range.
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const PartialShape&, const PartialShape&) = default;
};

}  // namespace ocelli
