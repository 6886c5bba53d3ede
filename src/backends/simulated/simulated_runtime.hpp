// SimulatedRuntime: made-up devices for tests and for trying a plan without the hardware.
#pragma once

#include <memory>
#include <stop_token>
#include <vector>

#include "backends/simulated/simulated_device.hpp"
#include "backends/simulated/simulated_settings.hpp"
#include "backends/simulated/timer.hpp"
#include "base/log.hpp"
#include "runtime/runtime.hpp"

namespace ocelli::simulated {

// Takes any format: a file's content does not matter, its signature stands in simulated.json beside it (in it, for a
// folder) or else in the settings. One thread serves all devices.
class SimulatedRuntime final : public Runtime {
 public:
  SimulatedRuntime(Log log, SimulatedSettings settings);

  [[nodiscard]] std::string_view name() const noexcept override { return "simulated"; }
  [[nodiscard]] std::string version() const override { return "1"; }
  [[nodiscard]] std::vector<DeviceInfo> devices() override;
  [[nodiscard]] bool supports(ModelFormat) const noexcept override { return true; }
  [[nodiscard]] bool knows_property(const std::string& device, const std::string& key) override;
  Result<std::unique_ptr<CompiledModel>> compile(const ModelSource& source, const CompileOptions& options) override;

 private:
  Result<std::shared_ptr<SimulatedDevice>> find_device(const std::string& name) const;
  // What the model looks like, and what it takes of a device's memory where its folder says so.
  struct Model {
    ModelSignature signature;
    std::optional<std::uint64_t> memory_bytes;
  };
  Result<Model> model_of(const ModelSource& source) const;
  // False when it was stopped.
  bool wait(Duration time, const std::stop_token& stop);

  Log log_;
  SimulatedSettings settings_;
  Timer timer_;
  std::vector<std::shared_ptr<SimulatedDevice>> devices_;
};

}  // namespace ocelli::simulated
