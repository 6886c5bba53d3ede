// What is changed in a model between reading and compiling it: preprocessing, then shapes.
#pragma once

#include <memory>
#include <openvino/core/model.hpp>

#include "base/status.hpp"
#include "runtime/compile_options.hpp"
#include "runtime/model_signature.hpp"

namespace ocelli::openvino {

// Inputs and outputs as the model has them now. Tensors without a name are called after their node, made unique by "_2"
// and so on. Errors: kFailedPrecondition for element types that cannot be served.
Result<ModelSignature> signature_of(const std::vector<ov::Output<const ov::Node>>& inputs,
                                    const std::vector<ov::Output<const ov::Node>>& outputs);

// Builds layout, mean, scale, color_format and precision into the model, which may be replaced. mean, scale and
// color_format go to the inputs whose layout names the channels. Errors: kInvalidArgument naming the option.
Status apply_preprocessing(std::shared_ptr<ov::Model>& model, const PreprocessOptions& options);

// Gives the inputs their new shapes. Errors: kInvalidArgument naming a wrong input; kFailedPrecondition "Model could
// not be reshaped with requested shape - why".
Status apply_shapes(ov::Model& model, const CompileOptions& options);

// Takes out Identity operations on strings, which OpenVINO's CPU device copies byte by byte as if strings were plain
// memory, and then crashes (seen in 2026.4). Names of outputs may change by this, so the signature is to be read
// before.
// True when there were any.
bool remove_string_identities(const std::shared_ptr<ov::Model>& model);

}  // namespace ocelli::openvino
