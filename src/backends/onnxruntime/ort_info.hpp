// What a compiled model reports about itself: the truth that metadata, log and metrics show.
#pragma once

#include "backends/onnx_file/onnx_summary.hpp"
#include "backends/onnxruntime/node_placement.hpp"
#include "backends/onnxruntime/ort_options.hpp"
#include "runtime/compile_options.hpp"

namespace ocelli::onnxruntime {

// The precision that a card's provider will not give although it was asked for: ONNX Runtime's CUDA provider computes
// in the types of the file. Errors: kInvalidArgument with the way out.
Status check_card_precision(const SessionPlan& plan, const onnx_file::OnnxSummary& summary);

// placement may be empty: unknown. The device is the list of those that compute; the CPU is not in it when it only
// computes shapes, but the note then says so.
ExecutionInfo info_of(const OrtLibrary& library, const SessionPlan& plan, const NodePlacement& placement,
                      const onnx_file::OnnxSummary& summary);

}  // namespace ocelli::onnxruntime
