#include "server/batch_note_key.hpp"

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

std::string info_text(const ExecutionInfo& info) {
  return fmt::format("runtime {} {}\ndevice {} {}\nprecision {}\nstreams {} threads {} optimum {}\n", info.runtime,
                     info.runtime_version, info.device, info.device_name, info.precision, info.streams, info.threads,
                     info.optimal_requests);
}

}  // namespace

std::string BatchNoteKey::text() const {
  std::string all = fmt::format("ocelli {}\nmodel {}\ntarget {}\n", kVersion, model_digest, target);
  for (const auto& [name, value] : properties) all += fmt::format("property {}={}\n", name, value);
  all += options_text(options) + info_text(info);
  all += tensors_text("input", signature.inputs) + tensors_text("output", signature.outputs);
  return all + fmt::format("processor {} {}\n", processors, processor);
}

unsigned usable_processors() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
    return static_cast<unsigned>(CPU_COUNT(&set));
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace ocelli::server
