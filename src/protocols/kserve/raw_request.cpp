#include "protocols/kserve/raw_request.hpp"

#include <fmt/format.h>

#include <optional>
#include <string_view>

#include "protocols/kserve/input_source.hpp"
#include "serving/servable.hpp"

namespace ocelli::kserve {
namespace {

Status refused(std::string_view expected, std::string_view actual, std::string_view input) {
  return invalid_argument(fmt::format("A body without JSON - Expected: {}; Actual: {}{}{}", expected, actual,
                                      input.empty() ? "" : "; input name: ", input));
}

// The shape that so many bytes of the input have.
Result<Shape> shape_of(const TensorSpec& spec, std::size_t bytes) {
  const std::size_t element = element_size(spec.type);
  if (element == 0) return refused("an input of numbers", kserve_name(spec.type), spec.name);
  const auto wrong_size = [&](std::string_view expected) {
    return refused(fmt::format("{} of shape {}", expected, spec.shape.to_string()), fmt::format("{} bytes", bytes),
                   spec.name);
  };
  if (!spec.shape.rank_known || spec.shape.dims.size() > Shape::kMaxRank)
    return refused("a model whose shape is known", spec.shape.to_string(), spec.name);
  Shape shape;
  std::optional<std::size_t> free;
  for (const auto& dimension : spec.shape.dims) {
    if (!dimension.is_static()) {
      if (free) return refused("one free extent at most", spec.shape.to_string(), spec.name);
      free = shape.rank();
    }
    shape.push_back(dimension.is_static() ? dimension.min : 1);
  }
  const auto least = shape.element_count();
  if (!least) return wrong_size("bytes");
  const std::size_t row = *least * element;
  if (!free) return bytes == row ? Result<Shape>(shape) : wrong_size(fmt::format("{} bytes", row));
  if (row == 0 || bytes % row != 0) return wrong_size(fmt::format("a multiple of {} bytes", row));
  shape[*free] = static_cast<std::int64_t>(bytes / row);
  return shape;
}

}  // namespace

Status read_raw_input(const InferBody& body, ChargedPool pool, InferRequest& request) {
  const auto& inputs = request.call.servable->metadata().inputs;
  if (inputs.size() != 1) return refused("a model with one input", fmt::format("a model with {}", inputs.size()), "");
  const auto& spec = inputs.front();
  const auto shape = shape_of(spec, body.bytes.size());
  if (!shape.ok()) return shape.status();
  InputSource source(body.bytes, body.owner, pool, nullptr);
  serving::CallInput input{spec.name, {}};
  if (auto status = source.take(spec.name, spec.type, *shape, {}, input.tensor); !status.ok()) return status;
  request.call.inputs.push_back(std::move(input));
  request.binary_outputs = true;
  return source.finish();
}

}  // namespace ocelli::kserve
