// Classification: Triton's extension of KServe v2 that answers an output's largest values instead of all of them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/status.hpp"
#include "serving/inference_call.hpp"
#include "serving/servable.hpp"
#include "tensor/charged_pool.hpp"

namespace ocelli::classification {

// Of one output. A runtime's thread orders them while its device waits, which takes a fifth of a second at most.
inline constexpr std::size_t kMostValues = 1'000'000;

// A BYTES tensor of the `classes` largest values of each item of the batch, descending, as "VALUE:INDEX" with Triton's
// number format (six digits behind the point for floats); of equal values the lower index comes first, NaN comes last.
// More classes than an item has values mean all of them. Its shape is [items, classes] where the output has a batch
// dimension in front of others, else [classes]. metadata: of the servable that answered; classes: from 1. Memory comes
// from pool. Errors: kInvalidArgument naming the output when its elements are no numbers or more than kMostValues.
// Throws std::bad_alloc. Thread-safe.
Result<Tensor> classify(const serving::CallOutput& output, const serving::ServableMetadata& metadata,
                        std::uint32_t classes, ChargedPool pool);

}  // namespace ocelli::classification
