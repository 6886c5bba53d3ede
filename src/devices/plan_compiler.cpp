#include "devices/plan_compiler.hpp"

#include <fmt/format.h>

#include "runtime/model_size.hpp"

namespace ocelli::devices {
namespace {

// A wrong parameter or a missing file is as wrong on every other device: going on would hide the mistake.
bool is_users_mistake(const Status& status) {
  return status.code() == StatusCode::kInvalidArgument || status.code() == StatusCode::kNotFound;
}

// The reasons of all ways that did not work, in one sentence under the first one's code, or that of a user's mistake.
class Refusals {
 public:
  // decisive: nothing is tried after it.
  void add(const std::string& way, const Status& status, bool decisive = false) {
    if (decisive || text_.empty() || is_users_mistake(status)) code_ = status.code();
    if (!text_.empty()) text_ += "; ";
    text_ += fmt::format("{}: {}", way, status.message());
  }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] Status status() const { return {code_, text_}; }

 private:
  StatusCode code_ = StatusCode::kFailedPrecondition;
  std::string text_;
};

// "TFLite, ARM NN", for a model in another format.
std::string formats_of(const Runtime& runtime) {
  using enum ModelFormat;
  std::string names;
  for (const auto format : {kOpenvinoIr, kOnnx, kPaddle, kTensorflow, kTflite, kArmnn}) {
    if (!runtime.supports(format)) continue;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", model_format_name(format));
  }
  return names;
}

Result<CompiledMember> compile_at(const PlanMember& member, const Placement& placement, RuntimeRegistry& registry,
                                  const ModelSource& source, CompileOptions options) {
  auto runtime = registry.get(placement.runtime);
  if (!runtime.ok()) return runtime.status();
  if (!(*runtime)->supports(source.format)) {
    return failed_precondition(fmt::format("{} does not read {} models, only {}", placement.runtime,
                                           model_format_name(source.format), formats_of(**runtime)));
  }
  options.device = placement.device;
  if (member.requests) options.requests = *member.requests;
  auto model = (*runtime)->compile(source, options);
  if (!model.ok()) return model.status();
  CompiledMember compiled{*runtime, std::move(model).value(), member.target, member.requests, {}};
  compiled.info = compiled.model->info();
  if (compiled.info.memory_bytes == 0) {
    compiled.info.memory_bytes = model_size(source);
    compiled.info.memory_estimated = true;
  }
  return compiled;
}

// Says in the note of what runs which better ways did not work.
void note_refusals(CompiledMember& compiled, const Refusals& refusals) {
  if (refusals.empty()) return;
  if (!compiled.info.note.empty()) compiled.info.note += "; ";
  compiled.info.note += "passed over: " + refusals.text();
}

CompileOptions options_of(const DevicePlan& plan, const PlanMember& member, CompileOptions options) {
  options.properties = plan.properties;
  // The member's own word on streams replaces the plan's, in whichever of the two ways it is given.
  if (member.properties.contains("NUM_STREAMS")) options.properties.erase("PERFORMANCE_HINT");
  if (member.properties.contains("PERFORMANCE_HINT")) options.properties.erase("NUM_STREAMS");
  for (const auto& [key, value] : member.properties) options.properties[key] = value;
  return options;
}

}  // namespace

Result<CompiledMember> compile_member(const DevicePlan& plan, const PlanMember& member, RuntimeRegistry& registry,
                                      const ModelSource& source, const CompileOptions& options, const Log& log,
                                      bool full_ends) {
  Refusals refusals;
  const auto wanted = options_of(plan, member, options);
  for (const auto& placement : member.placements) {
    auto made = compile_at(member, placement, registry, source, wanted);
    if (made.ok()) {
      if (!refusals.empty()) {
        log.debug("{} runs on {} {}, because of {}", member.target, made->info.runtime, made->info.device,
                  refusals.text());
      }
      note_refusals(*made, refusals);
      return made;
    }
    const bool full = full_ends && made.status().code() == StatusCode::kResourceExhausted;
    // ARMNN leaves the device to its runtime.
    const auto& device = placement.device.empty() ? member.target : placement.device;
    refusals.add(fmt::format("{} on {}", device, placement.runtime), made.status(), full);
    if (full || is_users_mistake(made.status()) || options.stop.stop_requested()) break;
  }
  return refusals.status();
}

}  // namespace ocelli::devices
