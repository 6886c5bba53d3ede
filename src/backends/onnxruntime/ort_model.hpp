// OrtModel: an OrtSession behind CompiledModel.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "backends/onnxruntime/nvidia_io.hpp"
#include "backends/onnxruntime/ort_api.hpp"
#include "backends/onnxruntime/shrink_policy.hpp"
#include "backends/onnxruntime/worker_pool.hpp"
#include "runtime/compiled_model.hpp"

namespace ocelli::onnxruntime {

class OrtModel final : public CompiledModel {
 public:
  // memory: of the NVIDIA card that the session runs on; null on the CPU.
  OrtModel(const OrtApi& api, OrtOwner<OrtSession> session, ModelSignature signature, ExecutionInfo info,
           std::map<std::string, std::string> metadata, std::unique_ptr<NvidiaMemory> memory,
           bool shapes_follow_inputs);
  ~OrtModel() override;

  [[nodiscard]] const ModelSignature& signature() const noexcept override { return signature_; }
  [[nodiscard]] const ExecutionInfo& info() const noexcept override { return info_; }
  [[nodiscard]] std::map<std::string, std::string> model_info() const override { return metadata_; }
  [[nodiscard]] bool shapes_follow_inputs() const noexcept override { return shapes_follow_inputs_; }
  Result<std::unique_ptr<InferRequest>> create_request() override;

  // For the requests. Names in the signature's order.
  [[nodiscard]] OrtSession& session() const noexcept { return *session_; }
  [[nodiscard]] const std::vector<const char*>& input_names() const noexcept { return input_names_; }
  [[nodiscard]] const std::vector<const char*>& output_names() const noexcept { return output_names_; }
  [[nodiscard]] WorkerPool& workers() noexcept { return workers_; }
  [[nodiscard]] NvidiaMemory* nvidia_memory() noexcept { return memory_.get(); }
  // When the arena of intermediate results gives back, and which one that is in ONNX Runtime's words: "cpu:0", "gpu:1".
  [[nodiscard]] ShrinkPolicy& shrinking() noexcept { return memory_ ? memory_->shrinking() : host_shrinking_; }
  [[nodiscard]] const std::string& arena() const noexcept { return arena_; }
  // Whether outputs are written where they are bound. The file's word for a shape is not enough: ONNX Runtime fails a
  // run that gives another one.
  [[nodiscard]] bool binds_outputs() const noexcept { return binds_outputs_.load(std::memory_order_relaxed); }
  void stop_binding_outputs() noexcept { binds_outputs_.store(false, std::memory_order_relaxed); }

 private:
  const OrtApi& api_;
  OrtOwner<OrtSession> session_;
  std::unique_ptr<NvidiaMemory> memory_;
  const std::string arena_;
  ShrinkPolicy host_shrinking_;
  const ModelSignature signature_;
  const ExecutionInfo info_;
  const std::map<std::string, std::string> metadata_;
  const bool shapes_follow_inputs_;
  std::atomic<bool> binds_outputs_;
  std::vector<const char*> input_names_;
  std::vector<const char*> output_names_;
  WorkerPool workers_;
};

}  // namespace ocelli::onnxruntime
