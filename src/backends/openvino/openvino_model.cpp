#include "backends/openvino/openvino_model.hpp"

#include <malloc.h>

#include "backends/openvino/openvino_error.hpp"
#include "backends/openvino/openvino_request.hpp"

namespace ocelli::openvino {

OpenvinoModel::OpenvinoModel(ov::CompiledModel compiled, ModelSignature signature, ExecutionInfo info,
                             std::map<std::string, std::string> model_info, bool stateful)
    : compiled_(std::move(compiled)),
      signature_(std::move(signature)),
      info_(std::move(info)),
      model_info_(std::move(model_info)),
      stateful_(stateful) {}

OpenvinoModel::~OpenvinoModel() {
  compiled_ = {};
  // Weights are freed in pieces; without this the heap keeps them.
  ::malloc_trim(0);
}

Result<std::unique_ptr<InferRequest>> OpenvinoModel::create_request() {
  std::unique_ptr<InferRequest> request;
  auto status = guarded(StatusCode::kInternal, [&] {
    request = std::make_unique<OpenvinoRequest>(compiled_.create_infer_request(), signature_);
  });
  if (!status.ok()) return status;
  return request;
}

}  // namespace ocelli::openvino
