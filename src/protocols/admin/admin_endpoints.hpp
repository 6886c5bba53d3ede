// AdminEndpoints: configuration, repository, shared memory and metrics over REST.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "protocols/rest/rest_services.hpp"
#include "protocols/rest/route_table.hpp"
#include "transport/http/http_exchange.hpp"

namespace ocelli::admin {

// Each member answers its exchange exactly once, now or later, and never blocks: what may take long is done by
// RestServices::background, and refused with kResourceExhausted when too much of it waits. Thread-safe. Must outlive
// its exchanges.
class AdminEndpoints {
 public:
  // Bytes of a body that says what to register, to set or to list; a longer one is refused with 413.
  static constexpr std::size_t kMaxShortBody = std::size_t{1} << 20;

  explicit AdminEndpoints(const rest::RestServices& services)
      : services_(services), started_(std::chrono::system_clock::now()) {}

  // GET /v1/config, POST /v1/config/reload: OVMS's configuration API.
  void config_status(transport::HttpExchange& exchange) noexcept;
  void config_reload(transport::HttpExchange& exchange) noexcept;
  // GET /v3/models: the names of what is available, as OpenAI's API lists models.
  void model_list(transport::HttpExchange& exchange) noexcept;
  // Triton's logging and trace extensions: GET and POST /v2/logging, /v2/trace/setting and
  // /v2/models/{name}/trace/setting. Both answer all settings.
  void log_settings(transport::HttpExchange& exchange) noexcept;
  void trace_settings(transport::HttpExchange& exchange, const rest::RouteParameters& target) noexcept;
  // GET /metrics.
  void metrics(transport::HttpExchange& exchange) noexcept;

  // Triton's model repository extension: POST /v2/repository/index, /v2/repository/models/{name}/load and /unload.
  void repository_index(transport::HttpExchange& exchange) noexcept;
  void repository_load(transport::HttpExchange& exchange, const rest::RouteParameters& target) noexcept;
  void repository_unload(transport::HttpExchange& exchange, const rest::RouteParameters& target) noexcept;

  // Triton's shared memory extensions. An empty name in target means all regions. CUDA memory cannot be registered, but
  // asking for it and letting it go works, since clients do both before they begin.
  void shared_memory_status(transport::HttpExchange& exchange, const rest::RouteParameters& target) noexcept;
  void shared_memory_register(transport::HttpExchange& exchange, const rest::RouteParameters& target) noexcept;
  void shared_memory_unregister(transport::HttpExchange& exchange, const rest::RouteParameters& target) noexcept;
  void cuda_memory_status(transport::HttpExchange& exchange) noexcept;
  void cuda_memory_register(transport::HttpExchange& exchange) noexcept;
  void cuda_memory_unregister(transport::HttpExchange& exchange) noexcept;

 private:
  const rest::RestServices& services_;
  const std::chrono::system_clock::time_point started_;
};

}  // namespace ocelli::admin
