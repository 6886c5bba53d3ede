// What a signature says about batching before anything runs.
#pragma once

#include <cstdint>

#include "runtime/model_signature.hpp"

namespace ocelli::scheduling {

// All inputs have their first dimension open, for one item and for two.
[[nodiscard]] bool open_first_dimension(const ModelSignature& signature) noexcept;
// No output is known to have fewer rows than the inputs may have. Needs a first dimension on every input and output.
[[nodiscard]] bool outputs_take_as_many(const ModelSignature& signature) noexcept;
// All inputs and outputs have their first dimension fixed at one.
[[nodiscard]] bool first_dimension_is_one(const ModelSignature& signature) noexcept;
// A compiled form says before any run that all its outputs have `items` rows.
[[nodiscard]] bool gives_rows(const ModelSignature& form, std::uint32_t items) noexcept;

}  // namespace ocelli::scheduling
