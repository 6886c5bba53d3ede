#include "inference/grpc_service.pb.h"
#include "protocols/kserve_grpc/control_methods.hpp"
#include "protocols/rpc/proto_method.hpp"
#include "protocols/rpc/version_text.hpp"
#include "serving/servable.hpp"

namespace ocelli::kserve_grpc {
namespace {

using observability::DurationCounter;

void put(const DurationCounter& counter, inference::StatisticDuration* duration) {
  duration->set_count(counter.count.load(std::memory_order_relaxed));
  duration->set_ns(counter.ns.load(std::memory_order_relaxed));
}

void put(std::uint64_t count, const observability::Counter& ns, inference::StatisticDuration* duration) {
  duration->set_count(count);
  duration->set_ns(ns.load(std::memory_order_relaxed));
}

void describe(serving::Servable& servable, inference::ModelStatistics& statistics) {
  auto& metrics = servable.metrics();
  statistics.set_name(servable.metadata().name);
  statistics.set_version(std::to_string(servable.metadata().version));
  statistics.set_last_inference(metrics.last_inference_ms.load(std::memory_order_relaxed));
  statistics.set_inference_count(metrics.inferences.load(std::memory_order_relaxed));
  statistics.set_execution_count(metrics.executions.load(std::memory_order_relaxed));
  auto& stats = *statistics.mutable_inference_stats();
  put(metrics.stat_success, stats.mutable_success());
  put(metrics.stat_fail, stats.mutable_fail());
  put(metrics.stat_queue, stats.mutable_queue());
  put(metrics.stat_compute_input, stats.mutable_compute_input());
  put(metrics.stat_compute_infer, stats.mutable_compute_infer());
  put(metrics.stat_compute_output, stats.mutable_compute_output());
  // There is no response cache: its two counters stay zero.
  stats.mutable_cache_hit();
  stats.mutable_cache_miss();
  for (std::size_t size = 1; size < metrics.batches.size(); ++size) {
    const auto& counters = metrics.batches[size];
    const auto executions = counters.executions.load(std::memory_order_relaxed);
    if (executions == 0) continue;
    auto& batch = *statistics.add_batch_stats();
    batch.set_batch_size(size);
    put(executions, counters.input_ns, batch.mutable_compute_input());
    put(executions, counters.infer_ns, batch.mutable_compute_infer());
    put(executions, counters.output_ns, batch.mutable_compute_output());
  }
}

Status model_statistics(serving::ModelCatalog& catalog, const inference::ModelStatisticsRequest& request,
                        inference::ModelStatisticsResponse& reply) {
  const auto version = rpc::parse_version(request.version());
  if (!version.ok()) return version.status();
  std::vector<serving::ModelStatus> models;
  if (request.name().empty()) {
    models = catalog.all_statuses();
  } else {
    auto status = catalog.status(request.name(), version.value());
    if (!status.ok()) return std::move(status).status();
    models.push_back(std::move(status).value());
  }
  for (const auto& model : models) {
    for (const auto& state : model.versions) {
      if (state.state != serving::VersionState::kAvailable) continue;
      // It may be gone by now: then it has no statistics.
      if (const auto servable = catalog.find(model.name, state.version); servable.ok())
        describe(*servable.value(), *reply.add_model_stats());
    }
  }
  return {};
}

}  // namespace

rpc::UnaryMethods statistics_methods(const ControlServices& services) {
  auto& catalog = services.catalog;
  rpc::UnaryMethods methods;
  methods.push_back(rpc::proto_method<inference::ModelStatisticsRequest, inference::ModelStatisticsResponse>(
      "/inference.GRPCInferenceService/ModelStatistics",
      [&catalog](const auto& request, auto& reply) { return model_statistics(catalog, request, reply); }));
  return methods;
}

}  // namespace ocelli::kserve_grpc
