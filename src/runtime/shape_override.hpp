// The shapes that --shape and --batch_size ask for, matched with a model's inputs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.hpp"
#include "runtime/compile_options.hpp"
#include "runtime/model_signature.hpp"

namespace ocelli {

// The inputs' shapes after options.shapes, or else options.batch, as position -> shape; inputs that stay as they are do
// not appear. Inputs carry the layout that decides where the batch is; those without a batch dimension are left alone
// by options.batch. A shape must have the rank of its input when that is known. Errors: kInvalidArgument naming an
// unknown input, or a name "" where there are several inputs.
Result<std::map<std::size_t, PartialShape>> overridden_shapes(const std::vector<TensorSpec>& inputs,
                                                              const CompileOptions& options);

}  // namespace ocelli
