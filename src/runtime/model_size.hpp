// model_size(): what a model's files take, as an estimate of what the loaded model takes.
#pragma once

#include <cstdint>

#include "runtime/model_source.hpp"

namespace ocelli {

// Bytes of the model's files together: the file, its weights beside it (.bin, .pdiparams; for ONNX every file whose
// name begins with the model's), or all files of a SavedModel folder. 0 when there is none. Reads no contents; blocks
// for as long as the file system does. Thread-safe.
std::uint64_t model_size(const ModelSource& source) noexcept;

}  // namespace ocelli
