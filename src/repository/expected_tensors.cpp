#include "repository/expected_tensors.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

namespace ocelli::repository {
namespace {

bool dims_fit(const ExpectedTensor& expected, const PartialShape& shape) {
  if (!shape.rank_known) return true;
  const std::size_t first = expected.batch_apart ? 1 : 0;
  if (shape.dims.size() != expected.dims.size() + first) return false;
  return std::equal(expected.dims.begin(), expected.dims.end(), shape.dims.begin() + static_cast<std::ptrdiff_t>(first),
                    [](std::int64_t extent, const Dimension& dimension) {
                      return extent == -1 ? !dimension.is_static() : dimension.accepts(extent);
                    });
}

Status check_tensors(std::string_view what, const std::vector<ExpectedTensor>& expected,
                     const std::vector<TensorSpec>& actual) {
  for (const auto& tensor : expected) {
    const auto found = std::ranges::find_if(actual, [&](const TensorSpec& spec) { return spec.name == tensor.name; });
    if (found == actual.end())
      return invalid_argument(fmt::format("{} \"{}\": the model has no such {}", what, tensor.name, what));
    if (tensor.type && *tensor.type != found->type)
      return invalid_argument(fmt::format("{} \"{}\": data_type is TYPE_{}, but the model has TYPE_{}", what,
                                          tensor.name, precision_name(*tensor.type), precision_name(found->type)));
    if (tensor.has_dims && !dims_fit(tensor, found->shape))
      return invalid_argument(fmt::format("{} \"{}\": dims are ({}){}, but the model has {}", what, tensor.name,
                                          fmt::join(tensor.dims, ","), tensor.batch_apart ? " without the batch" : "",
                                          found->shape.to_string()));
  }
  return {};
}

}  // namespace

Status check_expected(const serving::ServableMetadata& metadata, const ModelConfig& config) {
  if (auto status = check_tensors("input", config.expected_inputs, metadata.inputs); !status.ok()) return status;
  return check_tensors("output", config.expected_outputs, metadata.outputs);
}

}  // namespace ocelli::repository
