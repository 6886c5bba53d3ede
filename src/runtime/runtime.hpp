// Runtime: the seam behind which OpenVINO, ONNX Runtime, ARM NN and the others stand.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "runtime/compiled_model.hpp"
#include "runtime/model_source.hpp"

namespace ocelli {

// One device as its runtime knows it.
struct DeviceInfo {
  std::string name;                     // in the runtime's words: "CPU", "GPU.0", "CUDA.0"
  std::string full_name;                // "AMD EPYC ..."
  std::string kind;                     // "cpu", "gpu", "npu", "virtual"
  std::uint64_t memory_bytes = 0;       // the device's own memory; 0: the host's, or unknown
  std::vector<std::string> precisions;  // "FP32", "BF16", "INT8", ...: what it computes in natively
  bool usable = true;
  std::string reason;  // why not, when not usable
  // What stands between the runtime and the device, with its version: "NVIDIA 580.65". Empty: nothing, or unknown.
  std::string driver{};
  // A command to type that makes it usable. Empty: none is known, or reason says it.
  std::string remedy{};
  // A GPU with memory of its own; false also when that is unknown.
  bool discrete = false;
};

// Thread-safe. Loading one may take seconds and hundreds of megabytes, so it happens when the first model needs it.
class Runtime {
 public:
  virtual ~Runtime() = default;
  // "openvino", "onnxruntime", "armnn", "simulated".
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
  [[nodiscard]] virtual std::string version() const = 0;
  [[nodiscard]] virtual std::vector<DeviceInfo> devices() = 0;
  [[nodiscard]] virtual bool supports(ModelFormat format) const noexcept = 0;
  // Whether a key of plugin_config means something to this device, which is named as for compile(). Its value is not
  // looked at: compile() does that. For a device that is not here: whether it would, as far as that is known. May block
  // while the device's own library is loaded.
  [[nodiscard]] virtual bool knows_property(const std::string& device, const std::string& key) = 0;
  // Blocks until compiled. Errors: kInvalidArgument (options: shape, layout, property, named in the message),
  // kFailedPrecondition (the device is not there or refuses the model), kNotFound (file missing), kInternal (file
  // broken, runtime failed). Two calls may run at once.
  virtual Result<std::unique_ptr<CompiledModel>> compile(const ModelSource& source, const CompileOptions& options) = 0;
};

}  // namespace ocelli
