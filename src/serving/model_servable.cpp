#include "serving/model_servable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "serving/request_validation.hpp"
#include "serving/string_rows.hpp"

namespace ocelli::serving {
namespace {

// The signature's tensors under the names that clients use, in name order, each with its position in the model.
template <typename Port>
Result<std::vector<Port>> rename(const std::vector<TensorSpec>& tensors,
                                 const std::map<std::string, std::string>& names, const char* what) {
  for (const auto& [name, alias] : names) {
    if (std::ranges::none_of(tensors, [&](const TensorSpec& tensor) { return tensor.name == name; })) {
      return invalid_argument(
          fmt::format("mapping_config.json names {} {}, which the model does not have", what, name));
    }
  }
  std::vector<Port> ports;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    Port port;
    port.spec = tensors[i];
    port.index = i;
    if (const auto found = names.find(tensors[i].name); found != names.end()) port.spec.name = found->second;
    ports.push_back(std::move(port));
  }
  std::ranges::sort(ports, {}, [](const Port& port) -> const std::string& { return port.spec.name; });
  const auto twice =
      std::ranges::adjacent_find(ports, {}, [](const Port& port) -> const std::string& { return port.spec.name; });
  if (twice != ports.end())
    return invalid_argument(fmt::format("two {}s of the model are called {}", what, twice->spec.name));
  return ports;
}

scheduling::SchedulerOptions scheduler_options(const ModelServableOptions& options) {
  return {options.name, options.queue_limit, options.batching, options.inline_below, options.halved_for};
}

}  // namespace

ModelServable::ModelServable(ModelServableOptions&& options, ServingContext& context)
    : alive_(context.servables),
      context_(context),
      default_timeout_(options.default_timeout),
      metrics_(options.metrics ? options.metrics : std::make_shared<observability::ServableMetrics>()),
      supervisor_(DeviceSupervisor::create(fmt::format("Model {} version {}", options.name, options.version),
                                           std::move(options.devices), options.policy, context, metrics_)),
      scheduler_(scheduler_options(options), context.timer, context.pool, *metrics_, context.log.channel("serving")) {
  metadata_.name = options.name;
  metadata_.version = options.version;
  metadata_.platform = options.platform;
  metadata_.devices = supervisor_->board();
  metadata_.stateful = options.stateful.enabled;
  if (options.stateful.enabled) {
    sequences_ = std::make_unique<SequenceManager>(options.stateful, context.timer, context.log.channel("serving"),
                                                   [this](InferenceCall& call) { finish(call); });
    supervisor_->keep_while([this] { return sequences_->size() > 0; });
  }
}

ModelServable::~ModelServable() { supervisor_->close(); }

Result<std::shared_ptr<ModelServable>> ModelServable::create(ModelServableOptions options, ServingContext& context) {
  if (options.devices.empty()) return invalid_argument("a model needs at least one device");
  const auto renamed = std::pair(options.input_names, options.output_names);
  const auto describe = options.describe;
  const bool recoverable =
      std::ranges::any_of(options.devices, [](const auto& device) { return bool(device.compile); });
  const auto destroy_elsewhere = [&context](ModelServable* servable) {
    if (!context.cleanup.submit([servable] { delete servable; })) delete servable;
  };
  std::shared_ptr<ModelServable> servable(new ModelServable(std::move(options), context), destroy_elsewhere);
  auto& supervisor = *servable->supervisor_;
  if (recoverable) servable->scheduler_.watch(supervisor);
  if (auto status = supervisor.open(servable->scheduler_); !status.ok()) return status;
  if (auto status = servable->name_ports(renamed.first, renamed.second, supervisor.signature()); !status.ok())
    return status;
  if (describe) servable->metadata_.model_info = describe(supervisor.model_info());
  supervisor.run();
  return servable;
}

Status ModelServable::name_ports(const Names& input_names, const Names& output_names, const ModelSignature& signature) {
  auto inputs = rename<InputPorts::Port>(signature.inputs, input_names, "input");
  if (!inputs.ok()) return std::move(inputs).status();
  auto outputs = rename<OutputPort>(signature.outputs, output_names, "output");
  if (!outputs.ok()) return std::move(outputs).status();
  inputs_ = InputPorts(std::move(inputs).value());
  outputs_ = std::move(outputs).value();
  for (auto& port : outputs_) port.string_rows = takes_string_rows(port.spec) && port.spec.name.ends_with("_string");
  for (const auto& port : inputs_.ports()) metadata_.inputs.push_back(port.spec);
  for (const auto& port : outputs_) metadata_.outputs.push_back(port.spec);
  return {};
}

// --- the way in

void ModelServable::infer(InferenceCall& call) noexcept {
  metrics_->current_requests.fetch_add(1, std::memory_order_relaxed);
  call.work.completion = this;
  if (call.deadline == kNever && default_timeout_ > Duration::zero()) call.deadline = Clock::now() + default_timeout_;
  if (sequences_) return infer_in_sequence(call);
  if (inputs_.needs_conversion(call)) return convert(call);
  if (prepared(call)) scheduler_.submit(call);
}

// Calls of one sequence take their places in it in the order in which they come, so what takes a while is done when it
// is the call's turn.
void ModelServable::infer_in_sequence(InferenceCall& call) noexcept {
  try {
    call.status = SequenceManager::extract(call);
  } catch (const std::bad_alloc&) {
    call.status = Status(StatusCode::kResourceExhausted, "Out of memory");
  }
  if (!call.status.ok()) return finish(call);
  const bool converts = inputs_.needs_conversion(call);
  if (!converts && !prepared(call)) return;
  if (!admitted(call)) return;
  if (converts) return convert(call);
  scheduler_.submit(call);
}

// False: it waits for its turn, or has ended.
bool ModelServable::admitted(InferenceCall& call) noexcept {
  try {
    const auto turn = sequences_->admit(call);
    if (turn.ok()) return *turn == SequenceManager::Turn::kRun;
    call.status = turn.status();
  } catch (const std::bad_alloc&) {
    call.status = Status(StatusCode::kResourceExhausted, "Out of memory");
  }
  finish(call);
  return false;
}

void ModelServable::convert(InferenceCall& call) noexcept {
  const auto work = [this, &call] {
    if (prepared(call)) scheduler_.submit(call);
  };
  // The call keeps its servable, and so this object, alive until it is told.
  if (context_.conversions.submit(work)) return;
  call.status = Status(StatusCode::kResourceExhausted,
                       fmt::format("Too many requests are waiting for their inputs to be decoded - limit: {}",
                                   ServingContext::kMaxConversions));
  finish(call);
}

// False: it has ended.
bool ModelServable::prepared(InferenceCall& call) noexcept {
  try {
    call.status = prepare(call);
  } catch (const std::bad_alloc&) {
    call.status =
        call.charge.refused() ? call.charge.refusal() : Status(StatusCode::kResourceExhausted, "Out of memory");
  }
  if (call.status.ok()) return true;
  finish(call);
  return false;
}

Status ModelServable::prepare(InferenceCall& call) {
  if (auto status = inputs_.prepare(call, context_, supervisor_->board().get()); !status.ok()) return status;
  // The batch dimension of the first input says how many items there are.
  call.work.items = 1;
  if (inputs_.ports().empty()) return prepare_outputs(call);
  const auto& first = inputs_.ports().front();
  const auto& shape = call.work.inputs[first.index].shape;
  // Items without values are no work, however many they are said to be.
  const bool empty = std::ranges::find(shape, 0) != shape.end();
  if (shape.rank() > 0 && !empty && batch_axis(first.spec) == std::size_t{0}) {
    call.work.items =
        static_cast<std::uint32_t>(std::clamp<std::int64_t>(shape[0], 1, std::numeric_limits<std::uint32_t>::max()));
  }
  return prepare_outputs(call);
}

Status ModelServable::prepare_outputs(InferenceCall& call) {
  if (auto status = check_requested(call, metadata_.outputs, metadata_.name); !status.ok()) return status;
  call.work.outputs.resize(outputs_.size());
  for (const auto& port : outputs_) {
    auto& output = call.work.outputs[port.index];
    const auto* requested = find_requested(call, port.spec.name);
    output.name = port.spec.name;
    output.wanted = requested || call.requested.empty();
    output.destination = requested && !port.string_rows ? requested->destination : TensorView();
  }
  return {};
}

void ModelServable::cancel(InferenceCall& call) noexcept {
  if (!sequences_ || !sequences_->cancel(call)) return scheduler_.cancel(call);
  call.status = Status(StatusCode::kCancelled, "Request was cancelled");
  finish(call);
}

// --- the way out

void ModelServable::on_work_done(scheduling::WorkItem& item) noexcept {
  auto& call = static_cast<InferenceCall&>(item);
  try {
    if (call.status.ok()) {
      call.status = take_outputs(call);
    } else if (call.status.code() == StatusCode::kInternal) {
      // OVMS's words for what fails inside the runtime; other codes say by themselves whose fault it is.
      call.status = internal_error(fmt::format("Internal inference error - {}", call.status.message()));
    }
  } catch (const std::bad_alloc&) {
    call.status = Status(StatusCode::kResourceExhausted, "Out of memory");
  }
  finish(call);
}

Status ModelServable::take_outputs(InferenceCall& call) {
  for (const auto& port : outputs_) {
    auto& output = call.work.outputs[port.index];
    if (!output.wanted) continue;
    bool in_destination = output.destination.data != nullptr;
    auto result = std::move(output.result);
    if (port.string_rows) {
      auto strings = rows_to_strings(port.spec.name, result.view, context_.pool);
      if (!strings.ok()) return std::move(strings).status();
      result = std::move(strings).value();
      const auto* requested = find_requested(call, port.spec.name);
      if (requested && requested->destination.data) {
        if (auto status = copy_to_destination(result, requested->destination, port.spec.name); !status.ok())
          return status;
        in_destination = true;
      }
    }
    call.outputs.push_back({port.spec.name, std::move(result), in_destination});
  }
  return {};
}

// Counts the call and tells its owner, who may destroy it, and with it the last handle to this servable.
void ModelServable::finish(InferenceCall& call) noexcept {
  const auto now = Clock::now();
  const auto since = call.times.received != TimePoint{} ? call.times.received : call.times.queued;
  const auto took = since != TimePoint{} ? now - since : Duration::zero();
  if (call.status.ok()) {
    metrics_->stat_success.add(took);
  } else if (call.status.code() != StatusCode::kResourceExhausted || !call.completion->tries_again(call)) {
    metrics_->stat_fail.add(took);
  }
  metrics_->current_requests.fetch_sub(1, std::memory_order_relaxed);
  const bool admitted = sequences_ && call.servable_state;
  const auto next = admitted ? sequences_->complete(call) : SequenceManager::Follower();
  call.completion->on_call_done(call);
  // The next calls of the same sequence keep this servable alive, each until it is told.
  for (auto* failed = next.failed; failed;) finish(*std::exchange(failed, failed->servable_next));
  if (!next.run) return;
  if (inputs_.needs_conversion(*next.run)) return convert(*next.run);
  scheduler_.submit(*next.run);
}

}  // namespace ocelli::serving
