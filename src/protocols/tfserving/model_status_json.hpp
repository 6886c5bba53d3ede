// TensorFlow Serving's GetModelStatusResponse as JSON.
#pragma once

#include <string>

#include "serving/model_catalog.hpp"

namespace ocelli::tfserving {

// Multi-line with one space a level, without a line end behind the last bracket: what protobuf's JSON printer writes.
void append_model_status(std::string& text, const serving::ModelStatus& status);

}  // namespace ocelli::tfserving
