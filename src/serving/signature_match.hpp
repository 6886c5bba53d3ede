// Whether a compiled form of a model can stand in for another.
#pragma once

#include <string>

#include "runtime/model_signature.hpp"

namespace ocelli::serving {

// Empty when a form can stand in for the one whose signature is shown (reference): both name the same tensors of the
// same types, their shapes do not contradict each other (runtimes may know a shape more or less exactly), and the form
// takes every extent of the inputs that is shown. Else what differs first, such as "input x is FP16 [1,3], not FP32
// [1,3]".
std::string signature_difference(const ModelSignature& signature, const ModelSignature& reference);

}  // namespace ocelli::serving
