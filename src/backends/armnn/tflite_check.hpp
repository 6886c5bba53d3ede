// find_tflite_fault(): what in a .tflite file would make ARM NN's reader crash.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace ocelli::arm_nn {

// ARM NN 20.08 has the file's skeleton checked, but follows the numbers in it unchecked: of operators, tensors and
// buffers, and takes the options of an operator for those of its kind. "operator 3 takes tensor 31 of 20"; empty when
// nothing of that is wrong. Only the first graph is looked at. Field numbers: TensorFlow Lite's schema.fbs, version 3.
std::string find_tflite_fault(std::span<const std::byte> file);

}  // namespace ocelli::arm_nn
