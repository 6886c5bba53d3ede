// A look at a model file before OpenVINO reads it.
#pragma once

#include "base/status.hpp"
#include "runtime/model_source.hpp"

namespace ocelli::openvino {

// kNotFound when the file is not there; kInternal when it is clearly not of its format or is cut off. OpenVINO itself
// would then try all its other formats on it, loading their libraries and writing to standard error. Formats that are
// not looked at pass.
Status check_file(const ModelSource& source);

}  // namespace ocelli::openvino
