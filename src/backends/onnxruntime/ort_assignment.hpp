// Which provider each operator of a session really got, as ONNX Runtime tells.
#pragma once

#include "backends/onnxruntime/node_placement.hpp"
#include "backends/onnxruntime/ort_api.hpp"

namespace ocelli::onnxruntime {

// True when this library can tell: version 1.24 or newer.
bool tells_assignment(const OrtLibrary& library);

// Has the session record it. To be called before the session is created; does nothing where it cannot be told.
Status record_assignment(const OrtLibrary& library, OrtSessionOptions& options);

// Of a session that recorded it; names of devices are those of providers, with their card's number. Taken before the
// providers fuse operators, so that the operators are the file's (after basic simplification).
Result<NodePlacement> assignment_of(const OrtLibrary& library, const OrtSession& session,
                                    const std::vector<ProviderUse>& providers);

}  // namespace ocelli::onnxruntime
