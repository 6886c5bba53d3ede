#include "backends/openvino/openvino_model.hpp"

#include <algorithm>

#include "backends/openvino/openvino_error.hpp"
#include "backends/openvino/openvino_info.hpp"
#include "backends/openvino/openvino_request.hpp"
#include "base/heap.hpp"
#include "runtime/open_dimensions.hpp"

namespace ocelli::openvino {

OpenvinoModel::OpenvinoModel(ov::CompiledModel compiled, ModelFacts facts, ExecutionInfo info,
                             std::shared_ptr<const MappedFile> file)
    : file_(std::move(file)),
      compiled_(std::move(compiled)),
      facts_(std::move(facts)),
      info_(std::move(info)),
      intermediate_(compiled_, info_.device == "CPU" && !facts_.stateful && has_open_dimensions(facts_.signature)),
      narrow_(narrow_inputs(compiled_, info_)) {
  // Behind the note that names the type.
  if (std::ranges::find(narrow_, true) != narrow_.end())
    info_.note += "; requests with values beyond their range are refused";
}

OpenvinoModel::~OpenvinoModel() {
  compiled_ = {};
  // Weights are freed in pieces; without this the heap keeps them.
  return_free_memory();
}

Result<std::unique_ptr<InferRequest>> OpenvinoModel::create_request() {
  std::unique_ptr<InferRequest> request;
  const std::lock_guard lock(creating_);
  auto status = guarded(StatusCode::kInternal, [&] {
    request = std::make_unique<OpenvinoRequest>(compiled_.create_infer_request(), facts_, narrow_, intermediate_);
  });
  if (!status.ok()) return status;
  return request;
}

}  // namespace ocelli::openvino
