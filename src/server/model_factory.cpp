#include "server/model_factory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "devices/device_plan.hpp"
#include "devices/plan_compiler.hpp"
#include "server/planned_model.hpp"
#include "serving/model_servable.hpp"
#include "serving/pipeline_servable.hpp"

namespace ocelli::server {
namespace {

constexpr std::string_view kOpenvino = "openvino";
// How long BATCH:device(n) waits for n requests; OpenVINO's own AUTO_BATCH_TIMEOUT default.
constexpr auto kBatchDeviceDelay = std::chrono::milliseconds(1000);

bool uses(const devices::DevicePlan& plan, std::string_view runtime) {
  return std::any_of(plan.members.begin(), plan.members.end(), [&](const devices::PlanMember& member) {
    return std::any_of(member.placements.begin(), member.placements.end(),
                       [&](const devices::Placement& placement) { return placement.runtime == runtime; });
  });
}

// The plan's member of that target alone.
devices::DevicePlan plan_of(const devices::DevicePlan& plan, const std::string& target) {
  devices::DevicePlan one;
  one.properties = plan.properties;
  for (const auto& member : plan.members) {
    if (member.target == target) one.members.push_back(member);
  }
  return one;
}

// Compiles a member once more with another batch size. Outlives the load: everything is held by value but the registry.
scheduling::BatchCompiler batch_compiler(const devices::DevicePlan& plan, const std::string& target,
                                         const repository::ModelLoad& load, devices::RuntimeRegistry& runtimes,
                                         const Log& log) {
  // Extents that were given by the user win over a batch size, so that there is nothing to compile.
  if (!load.options.shapes.empty()) return {};
  return [one = plan_of(plan, target), source = load.source, options = load.options, &runtimes,
          log](std::uint32_t items) -> Result<std::shared_ptr<CompiledModel>> {
    auto batched = options;
    batched.batch = Dimension::fixed(items);
    auto members = devices::compile_plan(one, runtimes, source, batched, log);
    if (!members.ok()) return members.status();
    return std::shared_ptr<CompiledModel>(std::make_shared<PlannedModel>(std::move(members->front())));
  };
}

// What the file's "model_info" section says, as ServableMetadata has it; runtimes put the section's name in front and
// '/' between the levels.
std::map<std::string, std::string> servable_model_info(const CompiledModel& model) {
  constexpr std::string_view kSection = "model_info/";
  std::map<std::string, std::string> result;
  for (const auto& [key, value] : model.model_info()) {
    if (!key.starts_with(kSection)) continue;
    std::string path = key.substr(kSection.size());
    std::replace(path.begin(), path.end(), '/', '.');
    result[path] = value;
  }
  return result;
}

}  // namespace

ModelFactory::ModelFactory(ModelFactoryOptions options, devices::RuntimeRegistry& runtimes,
                           serving::ServingContext& context, const Log& log)
    : options_(std::move(options)), runtimes_(runtimes), context_(context), log_(log) {}

// OVMS logs this line at start; here OpenVINO is loaded when the first model needs it.
void ModelFactory::announce_openvino() {
  std::call_once(announced_, [&] {
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

Result<std::shared_ptr<serving::Servable>> ModelFactory::load_model(const repository::ModelLoad& load) {
  auto plan = devices::make_plan(load.config.target_device, load.config.plugin_config, options_.simulated_devices);
  if (!plan.ok()) return plan.status();
  if (uses(*plan, kOpenvino)) announce_openvino();
  auto members = devices::compile_plan(*plan, runtimes_, load.source, load.options, log_);
  if (!members.ok()) return members.status();

  serving::ModelServableOptions servable;
  servable.name = load.config.name;
  servable.version = load.version;
  servable.input_names = load.mapping.inputs;
  servable.output_names = load.mapping.outputs;
  servable.queue_limit = options_.queue_limit;
  servable.default_timeout = options_.default_timeout;
  servable.batching = options_.batching;
  servable.metrics = load.metrics;
  servable.model_info = servable_model_info(*members->front().model);
  // Whoever lets requests decide about the batch gets it as they bring it; measuring would make every change slower.
  if (load.config.automatic()) servable.batching.mode = scheduling::BatchingMode::kOff;
  if (plan->batch) {
    servable.batching.mode = scheduling::BatchingMode::kOn;
    servable.batching.max_items = *plan->batch;
    servable.batching.preferred_sizes = {*plan->batch};
    servable.batching.max_delay = kBatchDeviceDelay;
  }
  const auto& stateful = load.config.stateful;
  servable.stateful.enabled = stateful.enabled;
  servable.stateful.max_sequences = stateful.max_sequence_number;
  servable.stateful.idle_scan = stateful.idle_sequence_cleanup ? options_.sequence_scan : Duration::zero();
  for (auto& member : *members) {
    auto compiler = batch_compiler(*plan, member.target, load, runtimes_, log_);
    auto model = std::make_shared<PlannedModel>(std::move(member));
    const auto lanes = model->requests() != 0 ? model->requests() : load.options.requests;
    servable.executors.push_back({std::move(model), lanes, std::move(compiler)});
  }
  auto made = serving::ModelServable::create(std::move(servable), context_);
  if (!made.ok()) return made.status();
  return std::shared_ptr<serving::Servable>(std::move(*made));
}

Result<std::shared_ptr<serving::Servable>> ModelFactory::load_pipeline(const repository::PipelineLoad& load) {
  auto made = serving::PipelineServable::create(load.definition, load.resolve, context_, load.metrics);
  if (!made.ok()) return made.status();
  return std::shared_ptr<serving::Servable>(std::move(*made));
}

}  // namespace ocelli::server
