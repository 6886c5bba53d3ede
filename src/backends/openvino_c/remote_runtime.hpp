// RemoteRuntime: another OpenVINO, in a process of its own, behind Runtime.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "backends/openvino_c/worker_supervisor.hpp"
#include "base/log.hpp"
#include "runtime/runtime.hpp"

namespace ocelli::openvino_c {

// Devices: "MYRIAD", "MYRIAD.1.2-ma2480" and "HDDL" as the library has them; all others with "LEGACY." before their
// name
// ("LEGACY.CPU"), so that they do not hide those of today's runtimes.
class RemoteRuntime final : public Runtime {
 public:
  // folder: what the user gave (library_location.hpp); empty: nothing, and every compilation says what to do about it.
  RemoteRuntime(std::filesystem::path folder, std::filesystem::path worker_program, const WorkerLimits& limits,
                Log log);

  [[nodiscard]] std::string_view name() const noexcept override { return "openvino_c"; }
  // The library's release; "not loaded" before it was needed.
  [[nodiscard]] std::string version() const override;
  [[nodiscard]] std::vector<DeviceInfo> devices() override;
  [[nodiscard]] bool supports(ModelFormat format) const noexcept override;
  [[nodiscard]] bool knows_property(const std::string& device, const std::string& key) override;
  Result<std::unique_ptr<CompiledModel>> compile(const ModelSource& source, const CompileOptions& options) override;

  // The worker that runs now; -1: none.
  [[nodiscard]] pid_t worker_pid() const;

 private:
  // The supervisor of the folder's library. kFailedPrecondition when there is none.
  Result<std::shared_ptr<WorkerSupervisor>> supervisor();
  Result<std::string> library_device(const std::string& device);
  // "the OpenVINO 2022.3 of DIR has MYRIAD, LEGACY.CPU", or why it has none.
  std::string known_devices();

  const std::filesystem::path folder_;
  const std::filesystem::path worker_program_;
  const WorkerLimits limits_;
  const Log log_;
  mutable std::mutex mutex_;
  std::shared_ptr<WorkerSupervisor> supervisor_;
};

}  // namespace ocelli::openvino_c
