#include "runtime/tensor_check.hpp"

#include <fmt/format.h>

namespace ocelli {

Status check_tensor(const TensorSpec& spec, const TensorView& view, const char* kind) {
  if (view.type != spec.type) {
    return invalid_argument(fmt::format("Invalid {0} precision - Expected: {1}; Actual: {2}; {0} name: {3}", kind,
                                        precision_name(spec.type), precision_name(view.type), spec.name));
  }
  if (!spec.shape.accepts(view.shape)) {
    return invalid_argument(fmt::format("Invalid {0} shape - Expected: {1}; Actual: {2}; {0} name: {3}", kind,
                                        spec.shape.to_string(), view.shape.to_string(), spec.name));
  }
  const auto elements = view.shape.element_count();
  if (!elements) {
    return invalid_argument(
        fmt::format("Invalid {0} shape - {1} is too large; {0} name: {2}", kind, view.shape.to_string(), spec.name));
  }
  const std::size_t expected = *elements * element_size(view.type);
  const bool size_is_right = view.type == DataType::kString || view.bytes == expected;
  if (!size_is_right || (view.bytes > 0 && !view.data)) {
    return invalid_argument(
        fmt::format("Invalid content size of tensor - Expected: {} bytes; Actual: {} bytes; {} name: {}", expected,
                    view.data ? view.bytes : 0, kind, spec.name));
  }
  return {};
}

Status no_such_tensor(const char* kind, std::size_t index, std::size_t count) {
  return invalid_argument(fmt::format("there is no {} number {}: the model has {}", kind, index, count));
}

}  // namespace ocelli
