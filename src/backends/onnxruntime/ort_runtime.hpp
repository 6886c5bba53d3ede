// OrtRuntime: one OrtEnv behind Runtime.
#pragma once

#include <filesystem>
#include <memory>

#include "backends/onnx_file/onnx_summary.hpp"
#include "backends/onnxruntime/nvidia_io.hpp"
#include "backends/onnxruntime/ort_api.hpp"
#include "backends/onnxruntime/ort_devices.hpp"
#include "backends/onnxruntime/ort_options.hpp"
#include "base/log.hpp"
#include "runtime/runtime.hpp"

namespace ocelli::onnxruntime {

class OrtRuntime final : public Runtime {
 public:
  static Result<std::unique_ptr<OrtRuntime>> create(Log log, const std::string& library_path);

  [[nodiscard]] std::string_view name() const noexcept override { return "onnxruntime"; }
  [[nodiscard]] std::string version() const override { return library_.version; }
  [[nodiscard]] std::vector<DeviceInfo> devices() override { return list_devices(library_, log_); }
  [[nodiscard]] bool supports(ModelFormat format) const noexcept override { return format == ModelFormat::kOnnx; }
  [[nodiscard]] bool knows_property(const std::string& device, const std::string& key) override;
  Result<std::unique_ptr<CompiledModel>> compile(const ModelSource& source, const CompileOptions& options) override;

 private:
  OrtRuntime(Log log, OrtLibrary library) : log_(std::move(log)), library_(std::move(library)) {}
  // The session's signature with the layouts and the shapes that were asked for.
  Result<ModelSignature> signature_for(const OrtSession& session, const CompileOptions& options) const;
  Result<OrtOwner<OrtSession>> create_session(const std::filesystem::path& path, const OrtSessionOptions& options);
  // Of the card that the session runs on; null on the CPU, and where tensors have to go without it.
  Result<std::unique_ptr<NvidiaMemory>> memory_for(const OrtSession& session, const SessionPlan& plan,
                                                   const ModelSignature& signature) const;

  Log log_;
  OrtLibrary library_;
  OrtOwner<OrtEnv> environment_;
};

}  // namespace ocelli::onnxruntime
