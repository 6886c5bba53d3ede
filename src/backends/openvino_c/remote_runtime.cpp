#include "backends/openvino_c/remote_runtime.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "backends/openvino_c/remote_model.hpp"
#include "runtime/execution_properties.hpp"

namespace ocelli::openvino_c {
namespace {

constexpr std::string_view kLegacy = "LEGACY.";

bool is_hddl(std::string_view device) { return device == "HDDL" || device.starts_with("HDDL."); }

bool is_movidius(std::string_view device) {
  return device == "MYRIAD" || device.starts_with("MYRIAD.") || is_hddl(device);
}

std::string kind_of(const std::string& device) {
  if (is_movidius(device)) return "npu";
  if (device.starts_with("CPU")) return "cpu";
  return device.starts_with("GPU") ? "gpu" : device.starts_with("NPU") ? "npu" : "virtual";
}

DeviceInfo info_of(const WorkerDevice& device) {
  DeviceInfo info;
  info.name = is_movidius(device.name) ? device.name : std::string(kLegacy) + device.name;
  info.full_name = device.full_name;
  info.kind = kind_of(device.name);
  for (const char* precision : {"FP32", "BF16", "FP16", "INT8"}) {
    if (device.capabilities.find(precision) != std::string::npos) info.precisions.emplace_back(precision);
  }
  return info;
}

DeviceInfo missing(const char* name, const char* full_name, std::string reason) {
  DeviceInfo info;
  info.name = name;
  info.full_name = full_name;
  info.kind = "npu";
  info.precisions = {"FP16"};
  info.usable = false;
  info.reason = std::move(reason);
  return info;
}

// What OpenVINO's C interface of 2022.3 has no functions for.
Status check_options(const CompileOptions& options) {
  const auto refuse = [](const char* option, const char* why) {
    return invalid_argument(fmt::format("{} cannot be used with a MYRIAD, HDDL or LEGACY device: {}", option, why));
  };
  const auto& steps = options.preprocess;
  constexpr const char* kNotBuiltIn = "its OpenVINO builds no preprocessing into the model here";
  if (!steps.mean.empty()) return refuse("mean", kNotBuiltIn);
  if (!steps.scale.empty()) return refuse("scale", kNotBuiltIn);
  if (!steps.color_format.empty()) return refuse("color_format", kNotBuiltIn);
  if (!steps.precision.empty()) return refuse("precision", kNotBuiltIn);
  for (const auto& [name, layout] : steps.layout) {
    const auto colon = layout.find(':');
    if (colon != std::string::npos && layout.substr(0, colon) != layout.substr(colon + 1))
      return refuse("a layout that changes the order of dimensions", kNotBuiltIn);
  }
  if (!options.extension_library.empty()) return refuse("cpu_extension", "2022.3 cannot load it by its C interface");
  if (options.low_latency_transformation)
    return refuse("low_latency_transformation", "2022.3 has it in its C++ interface only");
  return {};
}

std::vector<TextPair> layouts_of(const CompileOptions& options) {
  std::vector<TextPair> result;
  for (const auto& [name, layout] : options.preprocess.layout) {
    if (layout != "auto") result.emplace_back(name, layout.substr(0, layout.find(':')));
  }
  return result;
}

// As every backend: a hint for latency unless something else was asked for.
Result<std::vector<TextPair>> properties_of(const CompileOptions& options, const std::string& device) {
  auto shared = options.properties;
  auto checked = take_execution_properties(shared);
  if (!checked.ok()) return checked.status();
  auto properties = options.properties;
  // The plugin of HDDL cards never learnt the hint.
  if (!properties.contains("NUM_STREAMS") && !is_hddl(device)) properties.emplace("PERFORMANCE_HINT", "LATENCY");
  if (!options.cache_dir.empty()) properties.emplace("CACHE_DIR", options.cache_dir);
  return std::vector<TextPair>(properties.begin(), properties.end());
}

}  // namespace

RemoteRuntime::RemoteRuntime(std::filesystem::path folder, std::filesystem::path worker_program,
                             const WorkerLimits& limits, Log log)
    : folder_(std::move(folder)), worker_program_(std::move(worker_program)), limits_(limits), log_(std::move(log)) {}

Result<std::shared_ptr<WorkerSupervisor>> RemoteRuntime::supervisor() {
  const std::lock_guard lock(mutex_);
  if (supervisor_) return supervisor_;
  if (folder_.empty()) return failed_precondition(legacy_remedy());
  auto location = locate_library(folder_);
  if (!location.ok()) return location.status();
  supervisor_ = std::make_shared<WorkerSupervisor>(worker_program_, std::move(*location), limits_, log_);
  return supervisor_;
}

std::string RemoteRuntime::version() const {
  const std::lock_guard lock(mutex_);
  const std::string version = supervisor_ ? supervisor_->version() : "";
  return version.empty() ? "not loaded" : version;
}

pid_t RemoteRuntime::worker_pid() const {
  const std::lock_guard lock(mutex_);
  return supervisor_ ? supervisor_->worker_pid() : -1;
}

std::vector<DeviceInfo> RemoteRuntime::devices() {
  std::vector<DeviceInfo> result;
  auto worker = supervisor();
  auto listed = worker.ok() ? (*worker)->list_devices() : Result<std::vector<WorkerDevice>>(worker.status());
  std::string reason(listed.ok() ? "" : listed.status().message());
  if (listed.ok()) {
    for (const auto& device : *listed) result.push_back(info_of(device));
    reason = fmt::format("OpenVINO {} in {} does not find it", (*worker)->version(), folder_.string());
  }
  const auto has = [&](std::string_view name) {
    return std::ranges::any_of(result, [&](const DeviceInfo& device) { return device.name.starts_with(name); });
  };
  if (!has("MYRIAD")) {
    result.push_back(missing("MYRIAD", "Intel Neural Compute Stick 2",
                             listed.ok() ? reason + "; lsusb must show 03e7:2485 or 03e7:f63b, and this user must be "
                                                    "allowed to use it"
                                         : reason));
    result.back().remedy = listed.ok() ? "sudo cp packaging/movidius/97-myriad-usbboot.rules /etc/udev/rules.d/ && "
                                         "sudo udevadm control --reload-rules && sudo udevadm trigger"
                                       : "";
  }
  if (!has("HDDL")) {
    result.push_back(
        missing("HDDL", "Intel Vision Accelerator Design with Movidius VPUs",
                listed.ok() ? reason + "; hddldaemon must run, and /dev/ion and /var/tmp be there" : reason));
  }
  return result;
}

bool RemoteRuntime::supports(ModelFormat format) const noexcept {
  // Releases differ in the others (TensorFlow Lite came in 2023); the library itself says what it cannot read.
  return format != ModelFormat::kArmnn;
}

Result<std::string> RemoteRuntime::library_device(const std::string& device) {
  if (device + "." == kLegacy) return invalid_argument("LEGACY.NAME is expected: " + known_devices());
  if (device.starts_with(kLegacy)) return device.substr(kLegacy.size());
  if (is_movidius(device)) return device;
  return failed_precondition(fmt::format("Cannot compile model into target device {}: {}", device, known_devices()));
}

std::string RemoteRuntime::known_devices() {
  std::string names;
  std::string reason;
  for (const auto& known : devices()) {
    if (known.usable) names += (names.empty() ? "" : ", ") + known.name;
    if (!known.usable) reason = known.reason;
  }
  if (names.empty()) return reason;
  return fmt::format("the OpenVINO {} of {} has {}", version(), folder_.string(), names);
}

// An older library is not asked, because that would start its process: keys that name another kind of device are not
// its own, and of the others it says itself what it does not know. The plugins of VPUs never learnt more than these of
// the keys that every backend takes.
bool RemoteRuntime::knows_property(const std::string& device, const std::string& key) {
  const auto begins_with = [&](std::string_view prefix) { return key.starts_with(prefix); };
  if (device.starts_with(kLegacy) || key == "CACHE_DIR" || key == "NUM_STREAMS") return true;
  if (key == "PERFORMANCE_HINT") return !is_hddl(device);
  constexpr std::array<std::string_view, 5> kOwn{"MYRIAD_", "HDDL_", "VPU_", "LOG_LEVEL", "PERF"};
  return std::ranges::any_of(kOwn, begins_with);
}

Result<std::unique_ptr<CompiledModel>> RemoteRuntime::compile(const ModelSource& source,
                                                              const CompileOptions& options) {
  if (!supports(source.format))
    return invalid_argument(fmt::format("openvino_c does not read {} files", model_format_name(source.format)));
  auto device = library_device(options.device);
  if (!device.ok()) return device.status();
  if (auto status = check_options(options); !status.ok()) return status;
  std::error_code error;
  if (!std::filesystem::exists(source.path, error))
    return not_found(fmt::format("model file {} does not exist", source.path.string()));
  CompileModel wanted;
  wanted.path = std::filesystem::absolute(source.path, error);
  wanted.device = *device;
  auto properties = properties_of(options, *device);
  if (!properties.ok()) return properties.status();
  wanted.properties = std::move(*properties);
  wanted.shapes.assign(options.shapes.begin(), options.shapes.end());
  wanted.batch = options.batch;
  wanted.layouts = layouts_of(options);

  auto worker = supervisor();
  if (!worker.ok())
    return Status(worker.status().code(),
                  fmt::format("target_device {}: {}", options.device, worker.status().message()));
  auto compiled = (*worker)->compile(std::move(wanted));
  if (!compiled.ok()) return compiled.status();
  compiled->info.device = options.device;
  return std::unique_ptr<CompiledModel>(std::make_unique<RemoteModel>(*worker, std::move(*compiled)));
}

}  // namespace ocelli::openvino_c
