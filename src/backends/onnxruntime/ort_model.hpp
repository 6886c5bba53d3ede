// OrtModel: an OrtSession behind CompiledModel.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "backends/onnxruntime/nvidia_io.hpp"
#include "backends/onnxruntime/ort_api.hpp"
#include "backends/onnxruntime/worker_pool.hpp"
#include "runtime/compiled_model.hpp"

namespace ocelli::onnxruntime {

class OrtModel final : public CompiledModel {
 public:
  // memory: of the NVIDIA card that the session runs on; null on the CPU.
  OrtModel(const OrtApi& api, OrtOwner<OrtSession> session, ModelSignature signature, ExecutionInfo info,
           std::map<std::string, std::string> metadata, std::unique_ptr<NvidiaMemory> memory);
  ~OrtModel() override;

  [[nodiscard]] const ModelSignature& signature() const noexcept override { return signature_; }
  [[nodiscard]] const ExecutionInfo& info() const noexcept override { return info_; }
  [[nodiscard]] std::map<std::string, std::string> model_info() const override { return metadata_; }
  Result<std::unique_ptr<InferRequest>> create_request() override;

  // For the requests. Names in the signature's order.
  [[nodiscard]] OrtSession& session() const noexcept { return *session_; }
  [[nodiscard]] const std::vector<const char*>& input_names() const noexcept { return input_names_; }
  [[nodiscard]] const std::vector<const char*>& output_names() const noexcept { return output_names_; }
  [[nodiscard]] WorkerPool& workers() noexcept { return workers_; }
  [[nodiscard]] NvidiaMemory* nvidia_memory() noexcept { return memory_.get(); }

 private:
  const OrtApi& api_;
  OrtOwner<OrtSession> session_;
  std::unique_ptr<NvidiaMemory> memory_;
  const ModelSignature signature_;
  const ExecutionInfo info_;
  const std::map<std::string, std::string> metadata_;
  std::vector<const char*> input_names_;
  std::vector<const char*> output_names_;
  WorkerPool workers_;
};

}  // namespace ocelli::onnxruntime
