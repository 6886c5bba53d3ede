#include "serving/request_validation.hpp"

#include <fmt/format.h>

#include <cstring>

namespace ocelli::serving {
namespace {

std::string dimension_text(const Dimension& dim) {
  const auto text = PartialShape{{dim}, true}.to_string();
  return text.substr(1, text.size() - 2);
}

Status uncountable(std::string_view name, const Shape& actual) {
  return invalid_argument(
      fmt::format("Invalid input shape - Expected: extents from 0 with a product that memory can be addressed by; "
                  "Actual: {}; input name: {}",
                  actual.to_string(), name));
}

Status validate_shape(std::string_view name, const TensorSpec& spec, const Shape& actual) {
  if (!spec.shape.rank_known) return {};
  const auto& dims = spec.shape.dims;
  if (actual.rank() != dims.size()) {
    return invalid_argument(fmt::format("Invalid number of shape dimensions - Expected: {}; Actual: {}; input name: {}",
                                        spec.shape.to_string(), actual.to_string(), name));
  }
  if (spec.shape.accepts(actual)) return {};
  // The model's -1 would not explain what is wrong with a client's.
  if (!spec.shape.is_static() && !actual.element_count()) return uncountable(name, actual);
  const auto batch = batch_axis(spec);
  if (batch && *batch < dims.size() && !dims[*batch].accepts(actual[*batch]))
    return wrong_batch(name, dims[*batch], actual[*batch]);
  return wrong_shape(name, spec.shape, actual);
}

Status validate_strings(std::string_view name, const TensorView& actual, std::size_t expected) {
  const auto count = count_packed_strings({actual.data, actual.bytes});
  if (!count.ok()) return wrong_packing(name, expected, count.status().message());
  if (*count == expected) return {};
  return invalid_argument(fmt::format(
      "Invalid number of values in tensor proto container - Expected: {} values; Actual: {} values; input name: {}",
      expected, *count, name));
}

}  // namespace

Status wrong_input_count(std::size_t expected, std::size_t actual) {
  return invalid_argument(fmt::format("Invalid number of inputs - Expected: {}; Actual: {}", expected, actual));
}

Status missing_input(std::string_view name) {
  return invalid_argument(fmt::format("Missing input with specific name - Required input: {}", name));
}

Status wrong_precision(std::string_view name, DataType expected, DataType actual) {
  return invalid_argument(fmt::format("Invalid input precision - Expected: {}; Actual: {}; input name: {}",
                                      precision_name(expected), precision_name(actual), name));
}

Status wrong_batch(std::string_view name, const Dimension& expected, std::int64_t actual) {
  return invalid_argument(fmt::format("Invalid input batch size - Expected: {}; Actual: {}; input name: {}",
                                      dimension_text(expected), actual, name));
}

Status wrong_shape(std::string_view name, const PartialShape& expected, const Shape& actual) {
  return invalid_argument(fmt::format("Invalid input shape - Expected: {}; Actual: {}; input name: {}",
                                      expected.to_string(), actual.to_string(), name));
}

Status wrong_packing(std::string_view name, std::size_t elements, std::string_view reason) {
  return invalid_argument(
      fmt::format("Inputs inside buffer does not match expected format. - Expected: {} elements, each a length of 4 "
                  "bytes and as many bytes; Actual: {}; input name: {}",
                  elements, reason, name));
}

Result<std::size_t> count_packed_strings(std::span<const std::byte> packed) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < packed.size(); ++count) {
    std::uint32_t length = 0;
    if (packed.size() - at < sizeof length) {
      return invalid_argument(fmt::format("{} elements and {} bytes, too few for a length", count, packed.size() - at));
    }
    std::memcpy(&length, packed.data() + at, sizeof length);
    at += sizeof length;
    if (packed.size() - at < length) {
      return invalid_argument(
          fmt::format("length {} at element {} with {} bytes left", length, count, packed.size() - at));
    }
    at += length;
  }
  return count;
}

Status validate_list(std::string_view name, const TensorSpec& spec, const Shape& actual) {
  if (actual.rank() != 1) {
    return invalid_argument(fmt::format(
        "Invalid number of shape dimensions - Expected number of input shape dimensions: 1; Actual: {}; input name: {}",
        actual.rank(), name));
  }
  const auto& batch = spec.shape.dims[0];
  return batch.accepts(actual[0]) ? Status() : wrong_batch(name, batch, actual[0]);
}

Status validate_input(std::string_view name, const TensorSpec& spec, const TensorView& actual, const Status& fault) {
  if (actual.type != spec.type) {
    const bool is_tensor = actual.type != DataType::kUndefined || fault.ok();
    return is_tensor ? wrong_precision(name, spec.type, actual.type) : fault;
  }
  if (auto status = validate_shape(name, spec, actual.shape); !status.ok()) return status;
  const auto count = actual.shape.element_count();
  if (!count) return uncountable(name, actual.shape);
  if (!fault.ok()) return fault;
  if (spec.type == DataType::kString) return validate_strings(name, actual, *count);
  const auto expected = *count * element_size(spec.type);
  if (actual.bytes == expected) return {};
  return invalid_argument(
      fmt::format("Invalid content size of tensor proto - Expected: {} bytes; Actual: {} bytes; input name: {}",
                  expected, actual.bytes, name));
}

}  // namespace ocelli::serving
