#include "backends/simulated/simulated_runtime.hpp"

#include <fmt/format.h>

#include <condition_variable>
#include <fstream>
#include <iterator>
#include <mutex>

#include "backends/simulated/simulated_model.hpp"
#include "runtime/execution_properties.hpp"
#include "runtime/shape_override.hpp"

namespace ocelli::simulated {
namespace {

// Told by the timer that a time has passed.
class Alarm final : public Timer::Task {
 public:
  void on_timer(TimePoint) noexcept override {
    const std::lock_guard lock(mutex_);
    rung_ = true;
    changed_.notify_one();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return rung_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool rung_ = false;
};

Status refuse_preprocessing(const PreprocessOptions& options) {
  for (const auto& [input, layout] : options.layout) {
    if (layout.find(':') != std::string::npos)
      return invalid_argument("simulated models cannot change a layout: " + layout);
  }
  if (!options.mean.empty()) return invalid_argument("simulated models have no mean");
  if (!options.scale.empty()) return invalid_argument("simulated models have no scale");
  if (!options.color_format.empty()) return invalid_argument("simulated models have no color_format");
  if (!options.precision.empty()) return invalid_argument("simulated models have no precision");
  return {};
}

Status check_strings(const ModelSignature& signature) {
  for (std::size_t i = 0; i < signature.outputs.size(); ++i) {
    const auto& input = signature.inputs[std::min(i, signature.inputs.size() - 1)];
    if ((signature.outputs[i].type == DataType::kString) == (input.type == DataType::kString)) continue;
    return internal_error(
        fmt::format("output {} and input {} must both be strings or neither", signature.outputs[i].name, input.name));
  }
  return {};
}

}  // namespace

SimulatedRuntime::SimulatedRuntime(Log log, SimulatedSettings settings)
    : log_(std::move(log)), settings_(std::move(settings)) {
  for (const auto& device : settings_.devices) devices_.push_back(std::make_shared<SimulatedDevice>(device, timer_));
}

std::vector<DeviceInfo> SimulatedRuntime::devices() {
  std::vector<DeviceInfo> result;
  for (const auto& device : devices_) {
    const auto& settings = device->settings();
    const bool usable = !device->lost();
    result.push_back({settings.name,
                      settings.full_name,
                      settings.kind,
                      settings.memory_bytes,
                      {settings.precision},
                      usable,
                      usable ? "" : "the device is lost",
                      "",
                      "",
                      settings.discrete});
  }
  return result;
}

Result<std::shared_ptr<SimulatedDevice>> SimulatedRuntime::find_device(const std::string& name) const {
  std::string there;
  for (const auto& device : devices_) {
    if (device->settings().name == name) return device;
    there += (there.empty() ? "" : ", ") + device->settings().name;
  }
  return failed_precondition(fmt::format("Cannot compile model into target device {}; simulated devices: {}", name,
                                         there.empty() ? "none" : there));
}

Result<SimulatedRuntime::Model> SimulatedRuntime::model_of(const ModelSource& source) const {
  std::error_code error;
  if (!std::filesystem::exists(source.path, error))
    return not_found(fmt::format("model file {} does not exist", source.path.string()));
  const auto folder = std::filesystem::is_directory(source.path, error) ? source.path : source.path.parent_path();
  std::ifstream file(folder / "simulated.json");
  if (!file) {
    if (settings_.signature) return Model{*settings_.signature, {}};
    return not_found(fmt::format("{} has no simulated.json, and the settings have no signature", folder.string()));
  }
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto bytes = parse_memory_bytes(text);
  auto signature = bytes.ok() ? parse_signature(text) : bytes.status();
  if (!signature.ok())
    return internal_error(fmt::format("{}: {}", (folder / "simulated.json").string(), signature.status().message()));
  return Model{std::move(*signature), *bytes};
}

bool SimulatedRuntime::wait(Duration time, const std::stop_token& stop) {
  if (time <= Duration::zero()) return true;
  Alarm alarm;
  timer_.schedule(alarm, Clock::now() + time);
  // Rings at once when it was still waiting; else it is ringing already.
  const std::stop_callback early(stop, [&] {
    if (timer_.cancel(alarm)) alarm.on_timer(Clock::now());
  });
  alarm.wait();
  return !stop.stop_requested();
}

bool SimulatedRuntime::knows_property(const std::string&, const std::string& key) { return is_execution_property(key); }

Result<std::unique_ptr<CompiledModel>> SimulatedRuntime::compile(const ModelSource& source,
                                                                 const CompileOptions& options) {
  // HETERO is carried out whole by its first device, which is all that a simulation can show.
  constexpr std::string_view kHetero = "HETERO:";
  const bool hetero = options.device.starts_with(kHetero);
  const auto list = hetero ? options.device.substr(kHetero.size()) : options.device;
  auto device = find_device(hetero ? list.substr(0, list.find(',')) : list);
  if (!device.ok()) return device.status();
  auto model = model_of(source);
  if (!model.ok()) return model.status();
  auto* signature = &model->signature;
  auto properties = options.properties;
  auto execution = take_execution_properties(properties);
  if (!execution.ok()) return execution.status();
  if (!properties.empty())
    return invalid_argument(
        fmt::format("plugin_config key {} is not known to simulated devices", properties.begin()->first));
  if (auto status = refuse_preprocessing(options.preprocess); !status.ok()) return status;
  if (auto status = check_strings(*signature); !status.ok()) return status;
  for (auto& input : signature->inputs) {
    const auto layout =
        options.preprocess.layout.find(options.preprocess.layout.contains(input.name) ? input.name : "");
    if (layout != options.preprocess.layout.end() && layout->second != "auto") input.layout = layout->second;
  }
  auto shapes = overridden_shapes(signature->inputs, options);
  if (!shapes.ok()) return shapes.status();
  for (auto& [index, shape] : *shapes) signature->inputs[index].shape = std::move(shape);

  const DeviceSettings& settings = (*device)->settings();
  if (!wait(settings.compile_time_us, options.stop)) return Status(StatusCode::kCancelled, "compiling was cancelled");
  if (!settings.compile_error.empty()) return failed_precondition(settings.compile_error);
  if ((*device)->lost()) return unavailable(fmt::format("device {} is lost", settings.name));
  ExecutionInfo info;
  info.memory_bytes = model->memory_bytes.value_or(settings.model_bytes);
  if (auto status = (*device)->take_memory(info.memory_bytes); !status.ok()) return status;
  info.runtime = "Simulated";
  info.runtime_version = version();
  info.device = list;
  if (hetero) info.note = fmt::format("simulated: {} runs the whole model", settings.name);
  info.device_name = settings.full_name;
  info.precision = settings.precision;
  info.streams = settings.streams;
  info.optimal_requests = settings.streams;
  log_.debug("compiled {} for {}", source.path.string(), settings.name);
  return std::unique_ptr<CompiledModel>(
      std::make_unique<SimulatedModel>(std::move(*signature), std::move(info), *device));
}

}  // namespace ocelli::simulated
