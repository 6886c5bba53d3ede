#include "cli/validate.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <thread>
#include <utility>

#include "cli/option_table.hpp"
#include "server/repository_setup.hpp"

namespace ocelli::cli {
namespace {

constexpr std::uint32_t kDefaultGrpcPort = 9178;  // OVMS 2022.3, when neither port was given
constexpr std::uint32_t kMaxPort = 65535;
constexpr std::uint32_t kMinRestWorkers = 2;
constexpr std::uint32_t kMaxRestWorkers = 10'000;
// OVMS keeps 15 descriptors for itself and counts 7 per worker.
constexpr std::uint64_t kReservedFiles = 15;
constexpr std::uint64_t kFilesPerWorker = 7;
constexpr std::size_t kMaxHostName = 255;
constexpr std::size_t kMaxHostLabel = 63;  // RFC 1123

Status usage(std::string text) { return invalid_argument(std::move(text)); }

Status check_modes(const CommandLine& line) {
  const std::array<std::pair<const char*, bool>, 5> modes{{{"pull", line.pull.pull},
                                                           {"configure", line.pull.configure},
                                                           {"list_models", line.list_models},
                                                           {"add_to_config", line.add_to_config},
                                                           {"remove_from_config", line.remove_from_config}}};
  for (std::size_t a = 0; a < modes.size(); ++a) {
    for (std::size_t b = a + 1; b < modes.size(); ++b) {
      if (!modes[a].second || !modes[b].second) continue;
      return usage(
          fmt::format("error parsing options - --{} cannot be used with --{}", modes[a].first, modes[b].first));
    }
  }
  for (const auto* name : {"pull", "configure", "source_model", "task", "gguf_filename", "overwrite_models",
                           "weight-format", "extra_quantization_params", "source_loras"}) {
    if (!line.has(name)) continue;
    return usage(fmt::format(
        "error parsing options - --{} belongs to generative models, which this server does not serve", name));
  }
  return {};
}

Status check_layout(const CommandLine& line) {
  if (line.has("layout")) return {};
  for (const auto* name : {"mean", "scale", "color_format", "precision"}) {
    if (line.has(name))
      return usage(fmt::format("error parsing options - --{} parameter requires --layout to be set", name));
  }
  return {};
}

Status check_management(const CommandLine& line) {
  if (line.list_models) {
    if (line.model_repository_path.empty()) return usage("Use --list_models with --model_repository_path");
    return {};
  }
  if (line.server.config_path.empty()) return usage("Set config_path with add_to_config/remove_from_config");
  const auto& model = line.server.model;
  if (model.model_name.empty()) {
    return usage(
        "Set model_name with add_to_config/remove_from_config\n"
        "Usage: --add_to_config --config_path FILE --model_name NAME --model_path PATH\n"
        "       --remove_from_config --config_path FILE --model_name NAME");
  }
  if (line.add_to_config && model.model_path.empty() && line.model_repository_path.empty()) {
    return usage(
        "Set model_name either with model_path or model_repository_path with add_to_config\n"
        "Usage: --add_to_config --config_path FILE --model_name NAME --model_path PATH\n"
        "       --add_to_config --config_path FILE --model_name NAME --model_repository_path DIR");
  }
  return {};
}

Status check_models(const CommandLine& line) {
  const bool config = !line.server.config_path.empty();
  const bool name = !line.server.model.model_name.empty();
  const bool path = !line.server.model.model_path.empty();
  if (config && (name || path)) return usage("Use either config_path or model_path with model_name");
  if (!config && !(name && path)) return usage("Use config_path or model_path with model_name");
  if (config) {
    for (const auto* option : {"batch_size", "shape", "nireq", "model_version_policy", "target_device", "plugin_config",
                               "layout", "stateful"}) {
      if (line.has(option)) return usage("Model parameters in CLI are exclusive with the config file");
    }
  }
  return {};
}

Status check_workers(const CommandLine& line, const Machine& machine) {
  const auto& server = line.server;
  if (server.grpc.workers < 1 || server.grpc.workers > machine.cores) {
    return usage(fmt::format("grpc_workers count should be from 1 to CPU core count : {}", machine.cores));
  }
  if (!line.has("rest_workers")) return {};
  const auto workers = server.rest.workers.value_or(kMinRestWorkers);
  if (workers < kMinRestWorkers || workers > kMaxRestWorkers)
    return usage("rest_workers count should be from 2 to 10000");
  if (const auto most = max_rest_workers(machine.open_files_limit); workers > most) {
    return usage(
        fmt::format("rest_workers count cannot be larger than {} due to open files limit. Current open files limit: {}",
                    most, machine.open_files_limit));
  }
  if (server.rest.port == 0) {
    return usage("rest_workers is set but rest_port is not set. rest_port is required to start rest servers");
  }
  return {};
}

Status check_metrics(const CommandLine& line) {
  const auto& server = line.server;
  if (server.metrics.enabled && server.rest.port == 0) {
    return usage("rest_port setting is missing, metrics are enabled on rest port");
  }
  if (!server.metrics.enabled && !server.metrics.list.empty()) {
    return usage("metrics_enable setting is missing, required when metrics_list is provided");
  }
  return {};
}

Status check_ports(const CommandLine& line) {
  const auto& server = line.server;
  if (server.grpc.port > kMaxPort) return usage("port number out of range from 0 to 65535");
  if (server.rest.port > kMaxPort) return usage("rest_port number out of range from 0 to 65535");
  if (server.grpc.port == 0 && server.rest.port == 0) return usage("port and rest_port cannot both be unset");
  if (server.grpc.port == server.rest.port) return usage("port and rest_port cannot have the same values");
  return {};
}

Status check_addresses(const CommandLine& line) {
  constexpr auto kText = "{} has invalid format: proper hostname or IP address expected.";
  if (!valid_bind_addresses(line.server.rest.bind_address)) return usage(fmt::format(kText, "rest_bind_address"));
  if (!valid_bind_addresses(line.server.grpc.bind_address)) return usage(fmt::format(kText, "grpc_bind_address"));
  return {};
}

Status check_files(const CommandLine& line) {
  const auto& extension = line.server.cpu_extension;
  std::error_code error;
  if (!extension.empty() && !std::filesystem::exists(extension, error)) {
    return usage(fmt::format("File path provided as an --cpu_extension parameter does not exist in the filesystem: {}",
                             extension));
  }
  return {};
}

Status check_choices(const CommandLine& line) {
  auto copy = line;
  for (const auto& option : option_table()) {
    if (option.choices_error.empty()) continue;
    const auto* text = std::get<std::string*>(option.field(copy));
    if (!is_choice(option, *text)) return usage(std::string(option.choices_error));
  }
  return {};
}

Status check_stateful(const CommandLine& line) {
  if (line.server.model.stateful) return {};
  for (const auto* name : {"low_latency_transformation", "max_sequence_number", "idle_sequence_cleanup"}) {
    if (!line.has(name)) continue;
    return usage(
        "Setting low_latency_transformation, max_sequence_number and idle_sequence_cleanup require setting stateful "
        "flag for the "
        "model.");
  }
  return {};
}

// Checks of options that OVMS does not have.
Status check_ours(const CommandLine& line) {
  const auto check_tls = [](const server::TlsFiles& tls, std::string_view name) -> Status {
    if (tls.certificate.empty() != tls.key.empty())
      return usage(fmt::format("{0}_certificate and {0}_key must be set together", name));
    if (!tls.client_ca.empty() && tls.certificate.empty())
      return usage(fmt::format("{0}_client_ca requires {0}_certificate", name));
    return {};
  };
  if (auto status = check_tls(line.server.rest.tls, "rest"); !status.ok()) return status;
  if (auto status = check_tls(line.server.grpc.tls, "grpc"); !status.ok()) return status;
  if (line.has("load_models") && line.server.model_control_mode != "explicit") {
    return usage("load_models requires model_control_mode explicit");
  }
  if (line.has("access_log_path") && line.server.log.access_log == "off") {
    return usage("access_log setting is missing, required when access_log_path is provided");
  }
  if (line.has("api_key_scope") && line.server.api_key_file.empty() && line.server.api_key.empty()) {
    return usage("api_key_scope requires api_key_file or the environment variable API_KEY");
  }
  return server::check_texts(line.server);
}

bool valid_address(const std::string& address) {
  in_addr v4{};
  in6_addr v6{};
  return ::inet_pton(AF_INET, address.c_str(), &v4) == 1 || ::inet_pton(AF_INET6, address.c_str(), &v6) == 1;
}

bool letter_or_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool valid_host_name(std::string_view name) {
  while (true) {
    const auto dot = std::min(name.find('.'), name.size());
    const auto label = name.substr(0, dot);
    if (label.empty() || label.size() > kMaxHostLabel || label.front() == '-' || label.back() == '-') return false;
    if (!std::all_of(label.begin(), label.end(), [](char c) { return letter_or_digit(c) || c == '-'; })) return false;
    if (dot == name.size()) return true;
    name.remove_prefix(dot + 1);
  }
}

bool valid_bind_address(const std::string& address) {
  if (address.empty() || address.size() > kMaxHostName) return false;
  if (address.find_first_not_of("0123456789abcdefABCDEF.:") == std::string::npos) return valid_address(address);
  return valid_host_name(address);
}

}  // namespace

Machine Machine::here() {
  Machine machine;
  machine.cores = std::max(1U, std::thread::hardware_concurrency());
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) machine.open_files_limit = files.rlim_cur;
  return machine;
}

std::uint64_t max_rest_workers(std::uint64_t open_files_limit) noexcept {
  return open_files_limit <= kReservedFiles ? 0 : (open_files_limit - kReservedFiles) / kFilesPerWorker;
}

bool valid_bind_addresses(const std::string& list) {
  for (std::size_t begin = 0;;) {
    const auto comma = std::min(list.find(',', begin), list.size());
    if (!valid_bind_address(list.substr(begin, comma - begin))) return false;
    if (comma == list.size()) return true;
    begin = comma + 1;
  }
}

Status validate(CommandLine& line, const Machine& machine) {
  if (auto status = check_modes(line); !status.ok()) return status;
  if (auto status = check_layout(line); !status.ok()) return status;
  if (line.list_models || line.add_to_config || line.remove_from_config) return check_management(line);
  if (!line.has("port") && !line.has("rest_port")) line.server.grpc.port = kDefaultGrpcPort;
  if (auto status = check_models(line); !status.ok()) return status;
  if (auto status = check_workers(line, machine); !status.ok()) return status;
  for (const auto check :
       {check_metrics, check_ports, check_addresses, check_files, check_choices, check_stateful, check_ours}) {
    if (auto status = check(line); !status.ok()) return status;
  }
  return {};
}

}  // namespace ocelli::cli
