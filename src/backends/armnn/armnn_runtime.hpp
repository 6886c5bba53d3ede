// ArmnnRuntime: ARM NN behind Runtime.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/armnn/armnn_devices.hpp"
#include "backends/armnn/armnn_options.hpp"
#include "backends/armnn/network_copies.hpp"
#include "backends/armnn/network_file.hpp"
#include "backends/armnn/optimized_graph.hpp"
#include "base/log.hpp"
#include "runtime/runtime.hpp"

namespace ocelli::arm_nn {

class ArmnnRuntime final : public Runtime {
 public:
  // backend_folder: where ARM NN's backend modules lie; empty: where the library looks by itself. Errors: kUnavailable.
  static Result<std::unique_ptr<ArmnnRuntime>> create(Log log, const std::string& backend_folder);

  [[nodiscard]] std::string_view name() const noexcept override { return "armnn"; }
  [[nodiscard]] std::string version() const override;
  [[nodiscard]] std::vector<DeviceInfo> devices() override { return list_devices(usable_, registered_); }
  [[nodiscard]] bool supports(ModelFormat format) const noexcept override {
    return format == ModelFormat::kTflite || format == ModelFormat::kArmnn;
  }
  [[nodiscard]] bool knows_property(const std::string& device, const std::string& key) override;
  Result<std::unique_ptr<CompiledModel>> compile(const ModelSource& source, const CompileOptions& options) override;

 private:
  // Networks that are loaded, and what was learned on the way.
  struct Loaded {
    std::shared_ptr<SharedRuntime> runtime;
    std::vector<::armnn::NetworkId> networks;
    OptimizedGraph graph;
    std::vector<std::string> warnings;
  };

  ArmnnRuntime(Log log, std::string backend_folder)
      : log_(std::move(log)), backend_folder_(std::move(backend_folder)) {}
  // The common one, or one of its own for a model that is tuned, because ARM NN keeps tuning by runtime.
  std::shared_ptr<SharedRuntime> runtime_for(const ArmnnOptions& options) const;
  Result<Loaded> load(const NetworkFile& file, const ArmnnOptions& options) const;
  [[nodiscard]] ExecutionInfo info_of(const NetworkFile& file, const ArmnnOptions& options, const Loaded& loaded) const;

  Log log_;
  std::string backend_folder_;
  std::shared_ptr<SharedRuntime> runtime_;
  BackendNames registered_;
  BackendNames usable_;
};

}  // namespace ocelli::arm_nn
