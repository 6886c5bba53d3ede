// What the server's options mean for the repository and the models.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.hpp"
#include "observability/metric_family.hpp"
#include "repository/config_file.hpp"
#include "repository/repository_options.hpp"
#include "scheduling/batching.hpp"
#include "server/server_options.hpp"
#include "serving/device_memory.hpp"

namespace ocelli::server {

// Errors: kInvalidArgument naming the option.
Result<repository::RepositoryOptions> repository_options(const ServerOptions& options);
// --dynamic_batching and the options beside it. Errors: kInvalidArgument for a list that is not one of numbers.
Result<scheduling::BatchingOptions> batching_options(const BatchingOptions& options);
// The device names in the JSON of --simulated_devices. Errors: kInvalidArgument when it is not that JSON.
Result<std::vector<std::string>> simulated_device_names(const std::string& text);

// --device_memory and --idle_unload_seconds. simulated: further names of devices. Errors: kInvalidArgument.
Result<serving::DeviceMemoryOptions> memory_options(const ServerOptions& options,
                                                    const std::vector<std::string>& simulated);

// Whether GET /metrics answers, and with what.
struct MetricsChoice {
  bool enabled = false;
  observability::MetricSelection selection;
  friend bool operator==(const MetricsChoice&, const MetricsChoice&) = default;
};
// The metrics of a server: by its options, or by the "monitoring" section of config.json where there is one. Errors:
// kInvalidArgument for an unknown family name, or when both say something.
Result<MetricsChoice> choose_metrics(const ServerOptions& options,
                                     const std::optional<repository::MonitoringConfig>& monitoring);

// Whether what is to be served can be read: the model's flags, or the configuration file and its metrics. Nothing is
// loaded. Errors: those of repository_options(), reading the file, and choose_metrics().
Status check_served(const ServerOptions& options);

// Whether the options' texts of this program's own (lists, simulated devices) mean something. Errors: kInvalidArgument
// naming the option.
Status check_texts(const ServerOptions& options);

}  // namespace ocelli::server
