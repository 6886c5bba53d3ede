#include "observability/metric_family.hpp"

#include <fmt/format.h>

#include <array>

namespace ocelli::observability {
namespace {

using enum MetricFamily;
using enum MetricType;

constexpr std::array<MetricFamilyInfo, kMetricFamilies> kFamilies{{
    {kRequestsSuccess, "ovms_requests_success", kCounter, true, "Number of successful requests to a model or a DAG."},
    {kRequestsFail, "ovms_requests_fail", kCounter, true, "Number of failed requests to a model or a DAG."},
    {kRequestTime, "ovms_request_time_us", kHistogram, true, "Processing time of requests to a model or a DAG."},
    {kInferenceTime, "ovms_inference_time_us", kHistogram, true, "Inference execution time in the OpenVINO backend."},
    {kWaitForInferReqTime, "ovms_wait_for_infer_req_time_us", kHistogram, true,
     "Request waiting time in the scheduling queue."},
    {kStreams, "ovms_streams", kGauge, true, "Number of OpenVINO execution streams."},
    {kCurrentRequests, "ovms_current_requests", kGauge, true, "Number of inference requests currently in process."},
    {kInferReqQueueSize, "ovms_infer_req_queue_size", kGauge, false, "Inference request queue size (nireq)."},
    {kInferReqActive, "ovms_infer_req_active", kGauge, false,
     "Number of currently consumed inference request from the processing queue."},
    {kCurrentGraphs, "ovms_current_graphs", kGauge, true, "Number of graphs currently in process."},
    {kRequestsAccepted, "ovms_requests_accepted", kCounter, true, "Number of accepted requests to a graph."},
    {kRequestsRejected, "ovms_requests_rejected", kCounter, true, "Number of rejected requests to a graph."},
    {kResponses, "ovms_responses", kCounter, true, "Number of responses sent by a graph."},
    {kGraphError, "ovms_graph_error", kCounter, true, "Number of errors in a graph."},
    {kGraphProcessingTime, "ovms_graph_processing_time_us", kHistogram, true, "Time from opening to closing a graph."},
    {kGraphRequestLatency, "ovms_graph_request_latency_us", kHistogram, false, "Time a request spends in a graph."},
    {kModelDevice, "ocelli_model_device", kGauge, true,
     "1 per device of a model's plan: what runs there, in which state it is, and the reason where it is not as asked."},
    {kDeviceBusy, "ocelli_device_busy_us", kCounter, true,
     "Time during which a device was executing for a model; its rate per second is the utilisation."},
    {kDeviceUtilization, "ocelli_device_utilization", kGauge, true,
     "Share of the last 5 seconds in which a device was executing for a model, 0 to 1."},
    {kDeviceRuns, "ocelli_device_runs", kCounter, true, "Executions of a model on a device; a batch counts once."},
    {kDeviceFailures, "ocelli_device_failures", kCounter, true,
     "Times that a device was taken out of use while it served a model, because it was lost or out of memory."},
    {kRequestRetries, "ocelli_request_retries", kCounter, true,
     "Requests that were run again, on the same device or on another one, because their run failed."},
    {kModelUnloads, "ocelli_model_unloads", kCounter, true,
     "Times that a model without work was taken off a device to give its memory back."},
    {kModelReturns, "ocelli_model_returns", kCounter, true,
     "Times that a model was compiled again for a device because requests waited for it."},
    {kDeviceMemoryLimit, "ocelli_device_memory_limit_bytes", kGauge, true,
     "What models may take of a device's memory (--device_memory)."},
    {kDeviceMemoryUsed, "ocelli_device_memory_used_bytes", kGauge, true,
     "What models take of a device's memory, as their runtimes say or as estimated from their files."},
    {kQueuedRequests, "ocelli_queued_requests", kGauge, true, "Requests waiting for a device now."},
    {kQueueTime, "ocelli_queue_time_us", kCounter, true, "Total time that requests waited for a device."},
    {kBatchSize, "ocelli_batch_size", kHistogram, true, "Requests that ran together in one execution."},
    {kInferences, "ocelli_inferences", kCounter, true, "Items inferred; a request with batch size 8 counts 8."},
    {kRequestErrors, "ocelli_request_errors", kCounter, true, "Failed requests by cause."},
    {kConnections, "ocelli_connections", kGauge, true, "Client connections open now."},
    {kConnectionsAccepted, "ocelli_connections_accepted", kCounter, true,
     "Client connections accepted since the start."},
    {kProcessMemory, "process_resident_memory_bytes", kGauge, true, "Resident memory size in bytes."},
    {kProcessCpu, "process_cpu_seconds_total", kCounter, true, "Total user and system CPU time spent in seconds."},
    {kProcessThreads, "process_threads", kGauge, true, "Number of operating system threads."},
    {kProcessOpenFiles, "process_open_fds", kGauge, true, "Number of open file descriptors."},
    {kProcessStart, "process_start_time_seconds", kGauge, true,
     "Start time of the process since the Unix epoch in seconds."},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kFamilies.size(); ++i) {
    if (static_cast<std::size_t>(kFamilies[i].family) != i) return false;
  }
  return true;
}
static_assert(in_order(), "a family's row stands at its enumerator's number");

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

std::string_view metric_type_name(MetricType type) noexcept {
  switch (type) {
    case kCounter:
      return "counter";
    case kGauge:
      return "gauge";
    case kHistogram:
      return "histogram";
  }
  return "untyped";
}

std::span<const MetricFamilyInfo> metric_families() noexcept { return kFamilies; }

const MetricFamilyInfo& metric_family_info(MetricFamily family) noexcept {
  return kFamilies[static_cast<std::size_t>(family)];
}

MetricSelection MetricSelection::defaults() noexcept {
  MetricSelection selection;
  for (const auto& info : kFamilies) {
    if (info.default_on) selection.add(info.family);
  }
  return selection;
}

Result<MetricSelection> MetricSelection::parse(std::string_view comma_separated) {
  MetricSelection selection;
  while (!comma_separated.empty()) {
    const auto comma = comma_separated.find(',');
    const auto name = trimmed(comma_separated.substr(0, comma));
    comma_separated.remove_prefix(comma == std::string_view::npos ? comma_separated.size() : comma + 1);
    if (name.empty()) continue;
    bool known = false;
    for (const auto& info : kFamilies) {
      if (info.name != name) continue;
      selection.add(info.family);
      known = true;
    }
    if (!known) return invalid_argument(fmt::format("Invalid name in metrics_list - {}", name));
  }
  return selection;
}

}  // namespace ocelli::observability
