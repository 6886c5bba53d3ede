// shapes_follow_inputs(): whether an ONNX model's output shapes depend on what its inputs hold.
#pragma once

#include <filesystem>
#include <iosfwd>

namespace ocelli::onnx_file {

// True when the shape of every output of the main graph follows from the shapes of the inputs alone, whatever is in
// them: found by following through the graph which tensors' values and shapes come from the inputs' values. False when
// it does not follow, or nobody can tell: an operator of an unknown domain, a branch or a loop that depends on data, a
// file that cannot be read. Reads no weights. Thread-safe.
bool shapes_follow_inputs(const std::filesystem::path& path);
// The same of a stream that can be sought in.
bool shapes_follow_inputs(std::istream& file);

}  // namespace ocelli::onnx_file
