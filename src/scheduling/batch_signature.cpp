#include "scheduling/batch_signature.hpp"

#include <algorithm>

namespace ocelli::scheduling {

bool open_first_dimension(const ModelSignature& signature) noexcept {
  return std::ranges::all_of(signature.inputs, [](const TensorSpec& input) {
    return !input.shape.dims.empty() && !input.shape.dims[0].is_static() && input.shape.dims[0].accepts(1) &&
           input.shape.dims[0].accepts(2);
  });
}

bool outputs_take_as_many(const ModelSignature& signature) noexcept {
  const auto most = [](const TensorSpec& spec) { return spec.shape.dims[0].max; };
  const auto reaches = [](std::int64_t output, std::int64_t input) {
    return output == Dimension::kUnbounded || (input != Dimension::kUnbounded && output >= input);
  };
  return std::ranges::all_of(signature.outputs, [&](const TensorSpec& output) {
    return std::ranges::all_of(signature.inputs,
                               [&](const TensorSpec& input) { return reaches(most(output), most(input)); });
  });
}

bool first_dimension_is_one(const ModelSignature& signature) noexcept {
  const auto one = [](const TensorSpec& spec) {
    return !spec.shape.dims.empty() && spec.shape.dims[0] == Dimension::fixed(1);
  };
  return std::ranges::all_of(signature.inputs, one) && std::ranges::all_of(signature.outputs, one);
}

bool gives_rows(const ModelSignature& form, std::uint32_t items) noexcept {
  return std::ranges::all_of(form.outputs, [&](const TensorSpec& output) {
    return output.shape.is_static() && !output.shape.dims.empty() && output.shape.dims[0] == Dimension::fixed(items);
  });
}

}  // namespace ocelli::scheduling
