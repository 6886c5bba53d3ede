// Whether two compiled forms of one model can stand in for each other.
#pragma once

#include <string>

#include "runtime/model_signature.hpp"

namespace ocelli::serving {

// Empty when both name the same tensors of the same types and their shapes do not contradict each other (runtimes may
// know a shape more or less exactly); else what differs first, such as "input x is FP16 [1,3], not FP32 [1,3]".
std::string signature_difference(const ModelSignature& signature, const ModelSignature& reference);

}  // namespace ocelli::serving
