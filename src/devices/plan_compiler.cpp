#include "devices/plan_compiler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "runtime/execution_properties.hpp"
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

// OVMS lets it stand for every device.
constexpr std::string_view kAlwaysAllowed = "ENABLE_MMAP";

// Whether the member's runtime knows the key: the first that can be loaded.
bool member_knows(const PlanMember& member, RuntimeRegistry& registry, const std::string& key) {
  for (const auto& placement : member.placements) {
    const auto runtime = registry.get(placement.runtime);
    if (runtime.ok()) return (*runtime)->knows_property(placement.device, key);
  }
  return false;
}

// Which keys of plugin_config a member gets: of a list's keys those that it knows, and a stand-in does without those
// that only the better way knows. A key that was meant for this member and that it does not know stays, to be refused.
class KnownKeys {
 public:
  KnownKeys(const DevicePlan& plan, const PlanMember& member, RuntimeRegistry& registry, const Log& log)
      : plan_(plan), member_(member), registry_(registry), log_(log) {}

  void leave_out(Runtime& runtime, const Placement& placement, std::map<std::string, std::string>& properties) const {
    std::erase_if(properties, [&](const auto& property) {
      const auto& key = property.first;
      if (runtime.knows_property(placement.device, key) || !may_lack(placement, key)) return false;
      log_.debug("plugin_config key {} is left out for {}: {} does not know it", key, member_.target,
                 placement.runtime);
      return true;
    });
  }

 private:
  [[nodiscard]] bool may_lack(const Placement& placement, const std::string& key) const {
    if (key == kAlwaysAllowed || plan_.list_keys.contains(key)) return true;
    if (plan_.members.size() > 1 && !member_.properties.contains(key)) return true;
    return placement != member_.placements.front() && member_knows(member_, registry_, key);
  }

  const DevicePlan& plan_;
  const PlanMember& member_;
  RuntimeRegistry& registry_;
  const Log& log_;
};

// Also whether the device is there at all, which matters more than the file.
std::string why_unread(Runtime& runtime, const std::string& device, ModelFormat format) {
  const auto unread = fmt::format("does not read {} models, only {}", model_format_name(format), formats_of(runtime));
  const bool is_one = !device.empty() && device.find(':') == std::string::npos;
  if (!is_one) return fmt::format("{} {}", runtime.name(), unread);
  // "GPU" means GPU.0 too, and ARM NN's CpuRef is listed as ARMNN.CpuRef.
  const auto is_meant = [&](const DeviceInfo& known) {
    return known.name == device || known.name.starts_with(device + ".") || known.name.ends_with("." + device);
  };
  const auto known = runtime.devices();
  const auto found = std::ranges::find_if(known, is_meant);
  if (found == known.end())
    return fmt::format("{} has no device {} here (see: ocelli doctor), and {}", runtime.name(), device, unread);
  if (!found->usable)
    return fmt::format("{} is not usable here ({}), and {} {}", device, found->reason, runtime.name(), unread);
  return fmt::format("{} {}", runtime.name(), unread);
}

Result<CompiledMember> compile_at(const PlanMember& member, const Placement& placement, RuntimeRegistry& registry,
                                  const ModelSource& source, CompileOptions options, const KnownKeys& keys) {
  auto runtime = registry.get(placement.runtime);
  if (!runtime.ok()) return runtime.status();
  keys.leave_out(**runtime, placement, options.properties);
  if (!(*runtime)->supports(source.format))
    return failed_precondition(why_unread(**runtime, placement.device, source.format));
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

Status check_properties(const DevicePlan& plan, RuntimeRegistry& registry) {
  if (plan.members.size() < 2) return {};
  for (const auto& [key, value] : plan.properties) {
    const bool is_for_all = is_execution_property(key) && !is_processor_property(key);
    if (is_for_all || key == kAlwaysAllowed || plan.list_keys.contains(key)) continue;
    const auto knows = [&, &key = key](const PlanMember& member) { return member_knows(member, registry, key); };
    if (std::ranges::any_of(plan.members, knows)) continue;
    std::string targets;
    for (const auto& member : plan.members) targets += (targets.empty() ? "" : ", ") + member.target;
    return invalid_argument(fmt::format("plugin_config key {} is not known to any device of {}", key, targets));
  }
  return {};
}

Result<CompiledMember> compile_member(const DevicePlan& plan, const PlanMember& member, RuntimeRegistry& registry,
                                      const ModelSource& source, const CompileOptions& options, const Log& log,
                                      bool full_ends) {
  Refusals refusals;
  const auto wanted = options_of(plan, member, options);
  const KnownKeys keys(plan, member, registry, log);
  for (const auto& placement : member.placements) {
    auto made = compile_at(member, placement, registry, source, wanted, keys);
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
