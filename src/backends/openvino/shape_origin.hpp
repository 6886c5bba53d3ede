// shapes_follow_inputs(): whether a model's output shapes depend on what its inputs hold.
#pragma once

#include <openvino/core/model.hpp>

namespace ocelli::openvino {

// True when OpenVINO itself can tell the shape of every output from the shapes of the inputs: all are fixed, or a copy
// of the model whose inputs have a batch of three is. False when it cannot, or when more than the first dimension of an
// input is open, so that nothing hangs on it. The copy shares the weights. Thread-safe.
bool shapes_follow_inputs(const ov::Model& model) noexcept;

}  // namespace ocelli::openvino
