#include "repository/loaded_model_log.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace ocelli::repository {
namespace {

std::int64_t requests_of(const serving::ServableMetadata& metadata, const observability::ServableMetrics& metrics) {
  if (const auto requests = metrics.infer_req_queue_size.load(); requests > 0) return requests;
  std::int64_t sum = 0;
  for (const auto& report : metadata.device_reports()) {
    if (report.state == serving::DeviceState::kServing) sum += report.info.optimal_requests;
  }
  return std::max<std::int64_t>(sum, 1);
}

}  // namespace

std::string batch_text(const serving::ServableMetadata& metadata) {
  for (const auto& input : metadata.inputs) {
    const auto axis = batch_axis(input);
    if (axis && input.shape.rank_known && *axis < input.shape.dims.size())
      return std::to_string(input.shape.dims[*axis].extent_or_dynamic());
  }
  return "1";
}

void log_loaded_model(const Log& log, const serving::ServableMetadata& metadata,
                      const observability::ServableMetrics& metrics, Duration took) {
  log.info("Loaded model {}; version: {}; batch size: {}; No of InferRequests: {}", metadata.name, metadata.version,
           batch_text(metadata), requests_of(metadata, metrics));
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  for (const auto& report : metadata.device_reports()) {
    const auto& info = report.info;
    if (report.state != serving::DeviceState::kServing) {
      log.info("Model {} version {}: device {} is {}{}{}", metadata.name, metadata.version, report.target,
               serving::device_state_name(report.state), report.reason.empty() ? "" : ": ", report.reason);
      continue;
    }
    log.info("Model {} version {} runs on {} {} ({}), precision {}, streams {}, ready after {} ms{}", metadata.name,
             metadata.version, info.runtime, info.device, info.device_name, info.precision, info.streams, milliseconds,
             info.loaded_from_cache ? " from the cache" : "");
    if (!info.note.empty()) log.warning("Model {} version {}: {}", metadata.name, metadata.version, info.note);
  }
}

}  // namespace ocelli::repository
