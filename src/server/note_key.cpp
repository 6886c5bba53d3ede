#include "server/note_key.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "base/version.hpp"

namespace ocelli::server {
namespace {

std::string tensors_text(const char* kind, const std::vector<TensorSpec>& tensors) {
  std::string text;
  for (const auto& tensor : tensors) {
    text += fmt::format("{} {} {} {} {}\n", kind, tensor.name, static_cast<int>(tensor.type), tensor.shape.to_string(),
                        tensor.layout);
  }
  return text;
}

std::string options_text(const CompileOptions& options) {
  std::string text;
  for (const auto& [name, shape] : options.shapes) text += fmt::format("shape {}={}\n", name, shape.to_string());
  if (options.batch) text += fmt::format("batch {}..{}\n", options.batch->min, options.batch->max);
  const auto& steps = options.preprocess;
  for (const auto& [name, layout] : steps.layout) text += fmt::format("layout {}={}\n", name, layout);
  return text + fmt::format("steps {} {} {} {}\nextension {}\nlow latency {}\nrequests {}\n",
                            fmt::join(steps.mean, ","), fmt::join(steps.scale, ","), steps.color_format,
                            steps.precision, options.extension_library, options.low_latency_transformation,
                            options.requests);
}

}  // namespace

std::string compiled_text(const ExecutionInfo& info, const ModelSignature& signature) {
  return fmt::format("runtime {} {}\ndevice {} {}\nprecision {}\nstreams {} threads {} optimum {}\n", info.runtime,
                     info.runtime_version, info.device, info.device_name, info.precision, info.streams, info.threads,
                     info.optimal_requests) +
         tensors_text("input", signature.inputs) + tensors_text("output", signature.outputs);
}

std::string device_text(Runtime& runtime, const std::string& device) {
  std::string all;
  // First, because some runtimes know their version only when they have been asked something.
  for (const auto& known : runtime.devices()) {
    // "GPU" is the first of several, and "AUTO:GPU,CPU" any of them.
    if (device.find(known.name.substr(0, known.name.find('.'))) == std::string::npos) continue;
    all += fmt::format("device {} {} {}\n", known.name, known.full_name, known.driver);
  }
  return fmt::format("runtime {} {} on {}\n", runtime.name(), runtime.version(), device) + all;
}

std::string NoteKey::text() const {
  std::string all = fmt::format("ocelli {}\nmodel {}\ntarget {}\n", kVersion, model_digest, target);
  for (const auto& [name, value] : properties) all += fmt::format("property {}={}\n", name, value);
  return all + options_text(options) + fmt::format("processor {} {}\n", processors, processor);
}

unsigned usable_processors() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
    return static_cast<unsigned>(CPU_COUNT(&set));
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace ocelli::server
