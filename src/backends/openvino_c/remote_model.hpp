// RemoteModel: a model in the worker behind CompiledModel.
#pragma once

#include <memory>
#include <string>

#include "backends/openvino_c/worker_supervisor.hpp"
#include "runtime/compiled_model.hpp"

namespace ocelli::openvino_c {

class RemoteModel final : public CompiledModel {
 public:
  RemoteModel(std::shared_ptr<WorkerSupervisor> supervisor, ModelCompiled compiled)
      : supervisor_(std::move(supervisor)), compiled_(std::move(compiled)) {}
  ~RemoteModel() override { supervisor_->release(compiled_.model); }

  [[nodiscard]] const ModelSignature& signature() const noexcept override { return compiled_.signature; }
  [[nodiscard]] const ExecutionInfo& info() const noexcept override { return compiled_.info; }
  [[nodiscard]] bool shapes_follow_inputs() const noexcept override { return compiled_.shapes_follow_inputs; }
  // kUnavailable while there is no worker.
  Result<std::unique_ptr<InferRequest>> create_request() override;

 private:
  const std::shared_ptr<WorkerSupervisor> supervisor_;
  const ModelCompiled compiled_;
};

}  // namespace ocelli::openvino_c
