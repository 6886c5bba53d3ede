#include "backends/openvino_c/remote_model.hpp"

#include "backends/openvino_c/remote_request.hpp"

namespace ocelli::openvino_c {

Result<std::unique_ptr<InferRequest>> RemoteModel::create_request() {
  return RemoteRequest::create(*supervisor_, compiled_.model, compiled_.signature);
}

}  // namespace ocelli::openvino_c
