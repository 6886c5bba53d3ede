#include "backends/armnn/armnn_model.hpp"

#include "backends/armnn/armnn_request.hpp"

namespace ocelli::arm_nn {

Result<std::unique_ptr<InferRequest>> ArmnnModel::create_request() {
  try {
    return std::unique_ptr<InferRequest>(std::make_unique<ArmnnRequest>(*this));
  } catch (const std::bad_alloc&) {
    return Status(StatusCode::kResourceExhausted, "out of memory for a request's outputs");
  }
}

}  // namespace ocelli::arm_nn
