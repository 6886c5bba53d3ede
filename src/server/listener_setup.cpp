#include "server/listener_setup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <thread>

namespace ocelli::server {
namespace {

// As gRPC has it. More would not fit the clock's nanoseconds.
std::chrono::milliseconds duration_of(std::int64_t number) {
  return std::chrono::milliseconds(std::min<std::int64_t>(number, INT32_MAX));
}

// One name=value of --grpc_channel_arguments; false when it has no effect here.
bool apply_argument(transport::RpcOptions& rpc, std::string_view name, std::string_view value) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size() || number <= 0) return false;
  if (name == "grpc.max_concurrent_streams") {
    rpc.max_streams = static_cast<std::uint32_t>(std::min<std::int64_t>(number, UINT32_MAX));
  } else if (name == "grpc.max_receive_message_length") {
    rpc.limits.max_body_bytes = static_cast<std::size_t>(number);
  } else if (name == "grpc.max_connection_idle_ms") {
    rpc.limits.idle_timeout = duration_of(number);
  } else if (name == "grpc.keepalive_time_ms") {
    rpc.keepalive_interval = duration_of(number);
  } else if (name == "grpc.keepalive_timeout_ms") {
    rpc.keepalive_timeout = duration_of(number);
  } else {
    return false;
  }
  return true;
}

}  // namespace

transport::ConnectionLimits connection_limits(const ServerOptions& options) {
  transport::ConnectionLimits limits;
  limits.max_connections = options.limits.max_connections;
  limits.max_body_bytes = options.limits.max_body_bytes;
  limits.idle_timeout = std::chrono::seconds(options.limits.idle_timeout_seconds);
  limits.progress_timeout = std::chrono::seconds(options.limits.receive_timeout_seconds);
  limits.header_timeout = std::min(limits.header_timeout, limits.progress_timeout);
  return limits;
}

std::optional<transport::TlsOptions> tls_options(const TlsFiles& files) {
  if (files.certificate.empty()) return std::nullopt;
  return transport::TlsOptions{files.certificate, files.key, files.client_ca};
}

transport::HttpOptions http_options(const ServerOptions& options, const ApiKeys& keys,
                                    observability::AccessLog* access_log) {
  transport::HttpOptions http;
  http.addresses = options.rest.bind_address;
  http.port = static_cast<std::uint16_t>(options.rest.port);
  http.limits = connection_limits(options);
  http.max_total_bytes = options.rest.memory_quota;
  http.tls = tls_options(options.rest.tls);
  http.cors = {options.rest.allowed_origins, options.rest.allowed_methods, options.rest.allowed_headers,
               options.rest.allow_credentials};
  http.api_key = keys.rest;
  if (keys.guards_probes) {
    http.open_paths.clear();
  } else {
    http.open_paths.emplace_back("/metrics");
  }
  http.access_log = access_log;
  return http;
}

Result<transport::RpcOptions> rpc_options(const ServerOptions& options, const ApiKeys& keys,
                                          std::vector<std::string>& ignored) {
  transport::RpcOptions rpc;
  rpc.limits = connection_limits(options);
  rpc.max_total_bytes = options.grpc.memory_quota;
  rpc.api_key = keys.grpc;
  if (keys.guards_probes) rpc.open_paths.clear();
  const auto& list = options.grpc.channel_arguments;
  for (std::size_t begin = 0; begin < list.size();) {
    const auto comma = std::min(list.find(',', begin), list.size());
    const auto argument = std::string_view(list).substr(begin, comma - begin);
    begin = comma + 1;
    const auto equals = argument.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return invalid_argument(
          fmt::format("grpc_channel_arguments should be a comma list of name=value; given: {}", argument));
    }
    if (!apply_argument(rpc, argument.substr(0, equals), argument.substr(equals + 1))) ignored.emplace_back(argument);
  }
  return rpc;
}

std::vector<std::string> options_without_effect(const ServerOptions& options) {
  std::vector<std::string> sentences;
  if (options.grpc.workers > 1) {
    sentences.push_back(
        fmt::format("--grpc_workers {} has no effect: one gRPC server uses all network threads, whose "
                    "number is --io_threads",
                    options.grpc.workers));
  }
  if (options.grpc.max_threads) {
    sentences.push_back(
        fmt::format("--grpc_max_threads {} has no effect: calls do not occupy a thread while they "
                    "wait; --max_queued_requests is the limit",
                    *options.grpc.max_threads));
  }
  return sentences;
}

std::size_t io_thread_count(const ServerOptions& options) {
  if (options.io_threads != 0) return options.io_threads;
  const auto cores = std::max(1U, std::thread::hardware_concurrency());
  return std::min(options.rest.workers.value_or(cores), cores);
}

}  // namespace ocelli::server
