#include "runtime/narrow_check.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace ocelli {
namespace {

constexpr auto kMostInt = std::numeric_limits<std::int32_t>::max();
constexpr auto kMostFloat = static_cast<double>(std::numeric_limits<float>::max());

bool fits(std::int64_t value) noexcept { return value == static_cast<std::int32_t>(value); }
bool fits(std::uint64_t value) noexcept { return value <= std::uint64_t{kMostInt}; }
bool fits(double value) noexcept { return !(std::abs(value) > kMostFloat) || std::isinf(value); }

template <typename Wide>
Wide value_at(const TensorView& view, std::size_t index) noexcept {
  Wide value;
  std::memcpy(&value, view.data + index * sizeof(Wide), sizeof(Wide));
  return value;
}

template <typename Wide>
Status check(const TensorSpec& spec, const TensorView& view) {
  const auto count = view.bytes / sizeof(Wide);
  // Without a way out of the loop, it runs on whole vectors.
  bool all = true;
  for (std::size_t i = 0; i < count; ++i) all &= fits(value_at<Wide>(view, i));
  if (all) return {};
  std::size_t first = 0;
  while (fits(value_at<Wide>(view, first))) ++first;
  return invalid_argument(
      fmt::format("Invalid input value - Expected: {} that fits {}, in which the device computes; Actual: {}; input "
                  "name: {}",
                  precision_name(spec.type), spec.type == DataType::kFp64 ? "FP32" : "INT32",
                  value_at<Wide>(view, first), spec.name));
}

}  // namespace

Status check_narrow(const TensorSpec& spec, const TensorView& view) {
  switch (spec.type) {
    case DataType::kInt64:
      return check<std::int64_t>(spec, view);
    case DataType::kUint64:
      return check<std::uint64_t>(spec, view);
    case DataType::kFp64:
      return check<double>(spec, view);
    default:
      return {};
  }
}

}  // namespace ocelli
