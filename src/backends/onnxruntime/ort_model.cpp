#include "backends/onnxruntime/ort_model.hpp"

#include <fmt/format.h>

#include "backends/onnxruntime/ort_request.hpp"
#include "base/heap.hpp"
#include "runtime/open_dimensions.hpp"

namespace ocelli::onnxruntime {

OrtModel::OrtModel(const OrtApi& api, OrtOwner<OrtSession> session, ModelSignature signature, ExecutionInfo info,
                   std::map<std::string, std::string> metadata, std::unique_ptr<NvidiaMemory> memory,
                   bool shapes_follow_inputs)
    : api_(api),
      session_(std::move(session)),
      memory_(std::move(memory)),
      arena_(memory_ ? fmt::format("gpu:{}", memory_->card()) : "cpu:0"),
      host_shrinking_(ArenaShrinkage::kAuto, has_open_dimensions(signature), UsualSize::kHostFactor),
      signature_(std::move(signature)),
      info_(std::move(info)),
      metadata_(std::move(metadata)),
      shapes_follow_inputs_(shapes_follow_inputs),
      binds_outputs_(shapes_follow_inputs),
      workers_(info_.streams) {
  for (const auto& input : signature_.inputs) input_names_.push_back(input.name.c_str());
  for (const auto& output : signature_.outputs) output_names_.push_back(output.name.c_str());
}

OrtModel::~OrtModel() {
  memory_.reset();
  session_.reset();
  // Weights are freed in pieces; without this the heap keeps them.
  return_free_memory();
}

Result<std::unique_ptr<InferRequest>> OrtModel::create_request() { return OrtRequest::create(api_, *this); }

}  // namespace ocelli::onnxruntime
