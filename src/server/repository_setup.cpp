#include "server/repository_setup.hpp"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "devices/device_memory.hpp"
#include "server/listener_setup.hpp"

namespace ocelli::server {
namespace {

constexpr const char* kDefaultCache = "/opt/cache";  // OVMS: used when it exists

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < list.size();) {
    const auto comma = std::min(list.find(',', begin), list.size());
    if (comma > begin) parts.push_back(list.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return parts;
}

std::string cache_folder(const std::string& given) {
  if (!given.empty()) return given;
  std::error_code error;
  return std::filesystem::is_directory(kDefaultCache, error) ? kDefaultCache : "";
}

// OVMS: a folder means the config.json in it.
std::string config_file(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error) ? path + "/config.json" : path;
}

}  // namespace

Result<repository::RepositoryOptions> repository_options(const ServerOptions& options) {
  repository::RepositoryOptions repository;
  if (options.config_path.empty()) {
    auto model = repository::model_config_from_flags(options.model);
    if (!model.ok()) return model.status();
    repository.models.push_back(std::move(*model));
  }
  repository.config_path = config_file(options.config_path);
  repository.explicit_control = options.model_control_mode == "explicit";
  repository.load_at_start = split(options.load_models);
  if (options.model_control_mode == "poll") {
    repository.poll_interval = std::chrono::seconds(options.file_system_poll_wait_seconds);
  } else {
    repository.poll_interval = std::chrono::milliseconds(0);
  }
  repository.cache_dir = cache_folder(options.cache_dir);
  repository.cpu_extension = options.cpu_extension;
  repository.nireq = options.config_path.empty() ? options.model.nireq.value_or(0) : 0;
  repository.load_threads = options.load_threads;
  return repository;
}

Result<scheduling::BatchingOptions> batching_options(const BatchingOptions& options) {
  scheduling::BatchingOptions batching;
  batching.mode = options.mode == "off"  ? scheduling::BatchingMode::kOff
                  : options.mode == "on" ? scheduling::BatchingMode::kOn
                                         : scheduling::BatchingMode::kAuto;
  if (options.max_batch_size != 0) batching.max_items = options.max_batch_size;
  batching.max_delay = std::chrono::microseconds(options.max_delay_us);
  for (const auto& part : split(options.preferred_sizes)) {
    std::uint32_t size = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), size);
    if (error != std::errc{} || end != part.data() + part.size() || size == 0) {
      return invalid_argument(
          fmt::format("preferred_batch_sizes should be a comma list of numbers from 1; given: {}", part));
    }
    batching.preferred_sizes.push_back(size);
  }
  return batching;
}

Result<std::vector<std::string>> simulated_device_names(const std::string& text) {
  std::vector<std::string> names;
  if (text.empty()) return names;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("devices") || !json["devices"].is_array()) {
    return invalid_argument("simulated_devices should be a JSON object with an array \"devices\"");
  }
  for (const auto& device : json["devices"]) {
    if (!device.is_object() || !device.contains("name") || !device["name"].is_string())
      return invalid_argument("simulated_devices: each of \"devices\" should be an object with a string \"name\"");
    names.push_back(device["name"]);
  }
  return names;
}

Result<serving::DeviceMemoryOptions> memory_options(const ServerOptions& options,
                                                    const std::vector<std::string>& simulated) {
  serving::DeviceMemoryOptions memory;
  auto limits = devices::parse_device_memory(options.device_memory, simulated);
  if (!limits.ok()) return limits.status();
  memory.limits = std::move(*limits);
  memory.idle_after = std::chrono::seconds(options.idle_unload_seconds);
  return memory;
}

Result<MetricsChoice> choose_metrics(const ServerOptions& options,
                                     const std::optional<repository::MonitoringConfig>& monitoring) {
  MetricsChoice choice{options.metrics.enabled, observability::MetricSelection::defaults()};
  std::string list = options.metrics.list;
  if (monitoring) {
    if (options.metrics.enabled)
      return invalid_argument("Metrics configuration duplicated in configuration file and CLI parameters");
    choice.enabled = monitoring->metrics_enabled;
    if (monitoring->metrics_list) {
      list.clear();
      for (const auto& name : *monitoring->metrics_list) list += name + ",";
    }
    if (choice.enabled && options.rest.port == 0)
      return invalid_argument("rest_port setting is missing, metrics are enabled on rest port");
  }
  if (!list.empty()) {
    auto selection = observability::MetricSelection::parse(list);
    if (!selection.ok()) return selection.status();
    choice.selection = *selection;
  }
  return choice;
}

Status check_served(const ServerOptions& options) {
  const auto repository = repository_options(options);
  if (!repository.ok()) return repository.status();
  std::optional<repository::MonitoringConfig> monitoring;
  if (!options.config_path.empty()) {
    const auto config = repository::read_config(repository->config_path);
    if (!config.ok()) return config.status();
    monitoring = config->monitoring;
  }
  return choose_metrics(options, monitoring).status();
}

Status check_texts(const ServerOptions& options) {
  if (auto batching = batching_options(options.batching); !batching.ok()) return batching.status();
  const auto simulated = simulated_device_names(options.simulated_devices);
  if (!simulated.ok()) return simulated.status();
  std::vector<std::string> ignored;
  if (auto rpc = rpc_options(options, {}, ignored); !rpc.ok()) return rpc.status();
  return memory_options(options, *simulated).status();
}

}  // namespace ocelli::server
