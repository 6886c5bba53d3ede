// What a user is told of the precision in which a model computes.
#pragma once

#include <map>
#include <string>

namespace ocelli::openvino {

// How many layers compute in which precision: "FP32", "BF16", "FP16" or "INT8".
using LayerCounts = std::map<std::string, int>;

// The precision of most layers; the alphabet decides between equals. Empty without layers.
std::string most_frequent(const LayerCounts& layers);
// A sentence for the model's `execution` note: when the layers (convolutions and matrix products) differ, how many
// compute in which precision; when the device computes floats in BF16 or FP16 though nobody told it a precision, that
// answers differ, and the remedy. Empty when there is nothing to say.
std::string precision_note(const LayerCounts& layers, bool told_precision);

}  // namespace ocelli::openvino
