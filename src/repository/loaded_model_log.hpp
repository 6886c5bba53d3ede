// The lines that tell of a loaded model: the one that OVMS's tools wait for, and the truth about where it runs.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "observability/servable_metrics.hpp"
#include "serving/servable.hpp"

namespace ocelli::repository {

// Extent of the batch dimension of the first input that has one: "8"; "-1" when it is dynamic; "1" when there is none.
std::string batch_text(const serving::ServableMetadata& metadata);

// Writes them. metrics are those of this version, took is the time from the beginning of loading.
void log_loaded_model(const Log& log, const serving::ServableMetadata& metadata,
                      const observability::ServableMetrics& metrics, Duration took);

}  // namespace ocelli::repository
