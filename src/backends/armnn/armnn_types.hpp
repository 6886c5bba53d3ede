// ARM NN's words for types and errors, in ours.
#pragma once

#include <armnn/Tensor.hpp>
#include <exception>
#include <string>

#include "base/status.hpp"
#include "tensor/data_type.hpp"
#include "tensor/shape.hpp"

namespace ocelli::arm_nn {

// kUndefined for what has no tensor type of ours. Quantized types are the integers that they are stored as.
DataType to_data_type(::armnn::DataType type);

// The extents; a tensor of unknown rank is not possible in a network that was read.
Shape to_shape(const ::armnn::TensorShape& shape);

// The same tensor without its quantization, so that copying it does not allocate; constant, as newer releases demand of
// inputs.
::armnn::TensorInfo plain_info(const ::armnn::TensorInfo& info);

// An exception of ARM NN as a status: out of memory is kResourceExhausted, a GPU that is lost kUnavailable, else
// `code`. `doing` begins the message.
Status to_status(const std::exception& failure, StatusCode code, const std::string& doing);

}  // namespace ocelli::arm_nn
