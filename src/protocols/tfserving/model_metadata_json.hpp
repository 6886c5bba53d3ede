// TensorFlow Serving's GetModelMetadataResponse as JSON.
#pragma once

#include <string>

#include "serving/servable.hpp"

namespace ocelli::tfserving {

// Multi-line with one space a level, as protobuf's JSON printer writes it: 64-bit integers are strings, -1 is a dynamic
// extent.
void append_model_metadata(std::string& text, const serving::ServableMetadata& metadata);

}  // namespace ocelli::tfserving
