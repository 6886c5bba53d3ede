#include "serving/pipeline_servable.hpp"

#include <fmt/format.h>

#include <new>

#include "serving/pipeline_run.hpp"

namespace ocelli::serving {

PipelineServable::PipelineServable(PipelineGraph graph, const PipelineDefinition& definition, ServingContext& context,
                                   std::shared_ptr<observability::ServableMetrics> metrics)
    : alive_(context.servables),
      graph_(std::move(graph)),
      context_(context),
      metrics_(metrics ? std::move(metrics) : std::make_shared<observability::ServableMetrics>()) {
  metadata_.name = definition.name;
  metadata_.pipeline = true;
  metadata_.inputs = graph_.input_specs;
  metadata_.outputs = graph_.output_specs;
  std::vector<InputPorts::Port> ports;
  for (std::size_t i = 0; i < graph_.input_specs.size(); ++i) {
    InputPorts::Port port;
    port.spec = graph_.input_specs[i];
    port.index = i;
    ports.push_back(std::move(port));
  }
  inputs_ = InputPorts(std::move(ports));
}

Result<std::shared_ptr<PipelineServable>> PipelineServable::create(
    const PipelineDefinition& definition, const ServableResolver& resolve, ServingContext& context,
    std::shared_ptr<observability::ServableMetrics> metrics) {
  auto graph = make_pipeline_graph(definition, resolve);
  if (!graph.ok()) return std::move(graph).status();
  return std::shared_ptr<PipelineServable>(
      new PipelineServable(std::move(graph).value(), definition, context, std::move(metrics)));
}

void PipelineServable::infer(InferenceCall& call) noexcept {
  metrics_->current_requests.fetch_add(1, std::memory_order_relaxed);
  call.times.queued = Clock::now();
  call.servable_state = nullptr;
  if (!inputs_.needs_conversion(call)) return prepare_and_run(call);
  // The call keeps its servable, and so this object, alive until it is told.
  if (context_.conversions.submit([this, &call] { prepare_and_run(call); })) return;
  call.status = Status(StatusCode::kResourceExhausted,
                       fmt::format("Too many requests are waiting for their inputs to be decoded - limit: {}",
                                   ServingContext::kMaxConversions));
  finish(call);
}

void PipelineServable::prepare_and_run(InferenceCall& call) noexcept {
  Status status;
  try {
    status = run(call);
  } catch (const std::bad_alloc&) {
    status = call.charge.refused() ? call.charge.refusal() : Status(StatusCode::kResourceExhausted, "Out of memory");
  }
  if (status.ok()) return;  // the call may be gone
  call.status = std::move(status);
  finish(call);
}

// An error: nothing was started, and the caller ends the call. Success: the run ends it, perhaps before this returns,
// so the call and this object are not touched afterwards.
Status PipelineServable::run(InferenceCall& call) {
  if (auto status = inputs_.prepare(call, context_, nullptr); !status.ok()) return status;
  if (auto status = check_requested(call, metadata_.outputs, metadata_.name); !status.ok()) return status;
  const auto done = [this](InferenceCall& ended, std::vector<Tensor> results) {
    {
      const std::lock_guard lock(mutex_);
      ended.servable_state = nullptr;
    }
    if (ended.status.ok()) ended.status = take_results(ended, results);
    finish(ended);
  };
  call.times.started = Clock::now();
  const auto run = std::make_shared<PipelineRun>(graph_, context_.pool, call, done);
  {
    const std::lock_guard lock(mutex_);
    if (call.cancelled.load(std::memory_order_relaxed)) return {StatusCode::kCancelled, "Request was cancelled"};
    call.servable_state = run.get();
  }
  run->start();
  return {};
}

void PipelineServable::cancel(InferenceCall& call) noexcept {
  std::shared_ptr<PipelineRun> run;
  {
    const std::lock_guard lock(mutex_);
    call.cancelled.store(true, std::memory_order_relaxed);
    if (call.servable_state) run = static_cast<PipelineRun*>(call.servable_state)->shared_from_this();
  }
  if (run) run->cancel();
}

Status PipelineServable::take_results(InferenceCall& call, std::vector<Tensor>& results) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    const auto& name = metadata_.outputs[i].name;
    const auto* requested = find_requested(call, name);
    if (!requested && !call.requested.empty()) continue;
    const bool placed = requested && requested->destination.data;
    if (placed) {
      if (auto status = copy_to_destination(results[i], requested->destination, name); !status.ok()) return status;
    }
    call.outputs.push_back({name, std::move(results[i]), placed});
  }
  return {};
}

void PipelineServable::finish(InferenceCall& call) noexcept {
  const auto now = Clock::now();
  call.times.finished = now;
  const auto since = call.times.received != TimePoint{} ? call.times.received : call.times.queued;
  (call.status.ok() ? metrics_->stat_success : metrics_->stat_fail).add(now - since);
  metrics_->current_requests.fetch_sub(1, std::memory_order_relaxed);
  call.completion->on_call_done(call);
}

}  // namespace ocelli::serving
