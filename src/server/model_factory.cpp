#include "server/model_factory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "devices/automatic_devices.hpp"
#include "devices/device_plan.hpp"
#include "devices/plan_compiler.hpp"
#include "runtime/host_processor.hpp"
#include "runtime/model_digest.hpp"
#include "runtime/model_size.hpp"
#include "scheduling/batch_notes.hpp"
#include "server/note_key.hpp"
#include "server/planned_model.hpp"
#include "serving/model_servable.hpp"
#include "serving/pipeline_servable.hpp"

namespace ocelli::server {
namespace {

constexpr std::string_view kOpenvino = "openvino";
// How long the first request of a batch waits where BATCH does not say it: OpenVINO's default.
constexpr std::chrono::milliseconds kBatchTimeout{1000};

bool uses(const devices::DevicePlan& plan, std::string_view runtime) {
  return std::any_of(plan.members.begin(), plan.members.end(), [&](const devices::PlanMember& member) {
    return std::any_of(member.placements.begin(), member.placements.end(),
                       [&](const devices::Placement& placement) { return placement.runtime == runtime; });
  });
}

// Everything that compiling a member needs, held by value but for the registry, so that it outlives the load.
struct MemberSource {
  devices::DevicePlan plan;
  devices::PlanMember member;
  ModelSource source;
  CompileOptions options;
  devices::RuntimeRegistry& runtimes;
  Log log;
  // What is found out at load is kept in the cache folder for the next start.
  bool keeps_notes = false;

  [[nodiscard]] Result<std::shared_ptr<PlannedModel>> compile(const CompileOptions& wanted, bool full_ends) const {
    auto made = devices::compile_member(plan, member, runtimes, source, wanted, log, full_ends);
    if (!made.ok()) return made.status();
    return std::make_shared<PlannedModel>(std::move(*made));
  }

  // The member once more with another batch size.
  [[nodiscard]] scheduling::BatchCompiler batch_compiler(std::stop_token stop) const {
    // Extents that were given by the user win over a batch size, so that there is nothing to compile.
    if (!options.shapes.empty()) return {};
    return [self = *this, stop = std::move(stop)](std::uint32_t items) -> Result<std::shared_ptr<CompiledModel>> {
      auto batched = self.options;
      batched.batch = Dimension::fixed(items);
      batched.stop = stop;
      auto model = self.compile(batched, false);
      if (!model.ok()) return model.status();
      return std::shared_ptr<CompiledModel>(std::move(*model));
    };
  }

  Result<scheduling::ExecutorSpec> operator()(std::stop_token stop, bool full_ends) const {
    auto wanted = options;
    wanted.stop = stop;
    auto model = compile(wanted, full_ends);
    if (!model.ok()) return model.status();
    const auto lanes = (*model)->requests() != 0 ? (*model)->requests() : options.requests;
    auto notes = batch_notes(**model);
    return scheduling::ExecutorSpec{std::move(*model), lanes,        batch_compiler(std::move(stop)),
                                    std::nullopt,      std::nullopt, std::move(notes)};
  }

  // Null where there is no cache folder.
  [[nodiscard]] std::shared_ptr<const scheduling::BatchNotes> batch_notes(const PlannedModel& model) const {
    if (options.cache_dir.empty() || !keeps_notes) return nullptr;
    const auto key = note_key();
    if (!key) return nullptr;
    return std::make_shared<scheduling::BatchNotes>(options.cache_dir,
                                                    *key + compiled_text(model.info(), model.signature()), log);
  }

  // How fast the model is here; known before it is compiled, so that it need not be where another device is faster.
  // Null where there is no cache folder, or a runtime cannot be loaded.
  [[nodiscard]] std::shared_ptr<const scheduling::SpeedNotes> speed_notes() const {
    if (options.cache_dir.empty()) return nullptr;
    auto key = note_key();
    if (!key) return nullptr;
    *key += fmt::format("lanes {}\n", member.requests.value_or(0));
    for (const auto& placement : member.placements) {
      const auto runtime = runtimes.get(placement.runtime);
      if (!runtime.ok()) return nullptr;
      *key += device_text(**runtime, placement.device);
    }
    return std::make_shared<scheduling::SpeedNotes>(options.cache_dir, std::move(*key), log);
  }

  // Empty when the model cannot be read.
  [[nodiscard]] std::optional<std::string> note_key() const {
    const auto digest = model_digest(source, options.cache_dir);
    if (!digest.ok()) return std::nullopt;
    auto properties = plan.properties;
    for (const auto& [name, value] : member.properties) properties[member.target + " " + name] = value;
    return NoteKey{*digest, member.target, std::move(properties), options, host_processor_name(), usable_processors()}
        .text();
  }
};

serving::DevicePolicy policy_of(const devices::DevicePlan& plan, const repository::ModelConfig& config, bool measure) {
  using Use = devices::DevicePlan::Use;
  serving::DevicePolicy policy;
  policy.use = plan.use == Use::kAll   ? serving::DevicePolicy::Use::kAll
               : plan.use == Use::kAny ? serving::DevicePolicy::Use::kAny
                                       : serving::DevicePolicy::Use::kFirst;
  // A model that is compiled anew for each shape, or whose state lives on the device, does not move while it serves.
  const bool stays = config.automatic() || config.stateful.enabled;
  policy.startup_fallback = plan.startup_fallback && !stays;
  policy.runtime_fallback = plan.runtime_fallback && !config.stateful.enabled;
  policy.measure = measure && !stays;
  if (config.idle_unload_seconds) policy.idle_after = std::chrono::seconds(*config.idle_unload_seconds);
  const auto hint = plan.properties.find("PERFORMANCE_HINT");
  policy.by_latency =
      hint == plan.properties.end() ? !plan.properties.contains("NUM_STREAMS") : hint->second == "LATENCY";
  return policy;
}

// What the plan says of batching: BATCH asks for it.
void apply(const devices::DevicePlan& plan, scheduling::BatchingOptions& batching) {
  if (plan.batch_timeout) batching.max_delay = *plan.batch_timeout;
  if (plan.batching) {
    batching.mode = plan.batch ? scheduling::BatchingMode::kOn : scheduling::BatchingMode::kAuto;
    batching.max_delay = plan.batch_timeout.value_or(kBatchTimeout);
    batching.asked_for = true;
  }
  if (plan.batch) {
    batching.max_items = *plan.batch;
    batching.preferred_sizes = {*plan.batch};
  }
}

// What a load request says of batching wins; asking for it puts it on where the server has it off. What it leaves out
// stays as BATCH and AUTO_BATCH_TIMEOUT say.
void apply(const repository::BatchingParameter& given, const devices::DevicePlan& plan,
           scheduling::BatchingOptions& batching) {
  batching.asked_for = true;
  if (batching.mode == scheduling::BatchingMode::kOff) batching.mode = scheduling::BatchingMode::kAuto;
  if (!plan.batching || !given.preferred_sizes.empty()) batching.preferred_sizes = given.preferred_sizes;
  const bool plan_delays = plan.batching || plan.batch_timeout;
  if (!plan_delays || given.max_delay_us > 0) batching.max_delay = std::chrono::microseconds(given.max_delay_us);
  if (given.max_items) batching.max_items = *given.max_items;
}

// What the file's "model_info" section says, as ServableMetadata has it; runtimes put the section's name in front and
// '/' between the levels.
std::map<std::string, std::string> servable_model_info(const std::map<std::string, std::string>& all) {
  constexpr std::string_view kSection = "model_info/";
  std::map<std::string, std::string> result;
  for (const auto& [key, value] : all) {
    if (!key.starts_with(kSection)) continue;
    std::string path = key.substr(kSection.size());
    std::replace(path.begin(), path.end(), '/', '.');
    result[path] = value;
  }
  return result;
}

}  // namespace

ModelFactory::ModelFactory(ModelFactoryOptions options, devices::RuntimeRegistry& runtimes,
                           serving::ServingContext& context, Log log)
    : options_(std::move(options)), runtimes_(runtimes), context_(context), log_(std::move(log)) {}

// OVMS logs this line at start; here OpenVINO is loaded when the first model needs it.
std::jthread ModelFactory::announce_openvino() {
  if (announced_.exchange(true)) return {};
  return std::jthread([this] {
    const auto runtime = runtimes_.get(kOpenvino);
    if (!runtime.ok()) {
      log_.warning("OpenVINO is not available: {}", runtime.status().message());
      return;
    }
    std::string names;
    for (const auto& device : (*runtime)->devices()) names += (names.empty() ? "" : ", ") + device.name;
    log_.info("Available devices for Open VINO: {}", names);
  });
}

serving::ModelServableOptions ModelFactory::servable_options(const repository::ModelLoad& load,
                                                             const devices::DevicePlan& plan) const {
  serving::ModelServableOptions servable;
  servable.name = load.config.name;
  servable.version = load.version;
  servable.input_names = load.mapping.inputs;
  servable.output_names = load.mapping.outputs;
  servable.queue_limit = options_.queue_limit;
  servable.default_timeout = options_.default_timeout;
  servable.batching = options_.batching;
  apply(plan, servable.batching);
  if (load.config.batching) apply(*load.config.batching, plan, servable.batching);
  servable.metrics = load.metrics;
  // Whoever lets requests decide about the batch gets it as they bring it; measuring would make every change slower.
  const bool unwanted = load.config.automatic() || !plan.automatic_batching;
  if (unwanted && !plan.batching) servable.batching.mode = scheduling::BatchingMode::kOff;
  const auto& stateful = load.config.stateful;
  servable.stateful.enabled = stateful.enabled;
  servable.stateful.max_sequences = stateful.max_sequence_number;
  servable.stateful.idle_scan = stateful.idle_sequence_cleanup ? options_.sequence_scan : Duration::zero();
  servable.policy = policy_of(plan, load.config, options_.probe_devices);
  return servable;
}

Result<std::shared_ptr<serving::Servable>> ModelFactory::load_model(const repository::ModelLoad& load) {
  auto plan =
      devices::make_plan(load.config.target_device, load.config.plugin_config, options_.simulated_devices,
                         [this] { return devices::automatic_devices(runtimes_, !options_.simulated_devices.empty()); });
  if (!plan.ok()) return plan.status();
  for (const auto& remark : plan->remarks) log_.warning("Model {}: {}", load.config.name, remark);
  // Only ONNX files are read by both runtimes of the CPU; a model that cannot move stays with the first.
  const bool may_choose =
      load.source.format == ModelFormat::kOnnx && !load.config.automatic() && !load.config.stateful.enabled;
  if (options_.probe_devices && may_choose) *plan = devices::with_cpu_runtimes_apart(std::move(*plan));
  if (Status status = devices::check_properties(*plan, runtimes_); !status.ok()) return status;
  // Beside the compiling; the line stands in the log before the model is served.
  const auto announcing = uses(*plan, kOpenvino) ? announce_openvino() : std::jthread();
  auto servable = servable_options(load, *plan);
  const auto estimate = model_size(load.source);
  // A model that follows its requests' shapes would leave a note for each of them.
  const bool keeps_notes = !load.config.automatic();
  const bool ranks = servable.policy.ranks(plan->members.size());
  for (const auto& member : plan->members) {
    auto& device = servable.devices.emplace_back();
    device.target = member.target;
    device.quick = member.quick;
    device.memory = member.memory;
    device.memory_bytes = estimate;
    MemberSource made{*plan, member, load.source, load.options, runtimes_, log_, keeps_notes};
    if (ranks) device.speed_notes = made.speed_notes();
    device.compile = std::move(made);
  }
  servable.describe = servable_model_info;
  auto served = serving::ModelServable::create(std::move(servable), context_);
  if (!served.ok()) return served.status();
  return std::shared_ptr<serving::Servable>(std::move(*served));
}

Result<std::shared_ptr<serving::Servable>> ModelFactory::load_pipeline(const repository::PipelineLoad& load) {
  auto made = serving::PipelineServable::create(load.definition, load.resolve, context_, load.metrics);
  if (!made.ok()) return made.status();
  return std::shared_ptr<serving::Servable>(std::move(*made));
}

}  // namespace ocelli::server
