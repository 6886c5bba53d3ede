// KserveEndpoints: KServe v2 over REST, with the statistics extension.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "protocols/rest/rest_services.hpp"
#include "protocols/rest/route_table.hpp"
#include "transport/http/http_exchange.hpp"

namespace ocelli::kserve {

// Each member answers its exchange exactly once, now or later, and never blocks. Thread-safe. Must outlive its
// exchanges.
class KserveEndpoints {
 public:
  explicit KserveEndpoints(const rest::RestServices& services);
  ~KserveEndpoints();

  // GET /v2, /v2/health/live, /v2/health/ready.
  void server_metadata(transport::HttpExchange& exchange) noexcept;
  void server_live(transport::HttpExchange& exchange) noexcept;
  void server_ready(transport::HttpExchange& exchange) noexcept;
  // GET /v2/models/{name}[/versions/{version}][/config|/ready|/stats], POST .../infer.
  void model_metadata(transport::HttpExchange& exchange, const rest::RouteParameters& target) noexcept;
  void model_config(transport::HttpExchange& exchange, const rest::RouteParameters& target) noexcept;
  void model_ready(transport::HttpExchange& exchange, const rest::RouteParameters& target) noexcept;
  void model_statistics(transport::HttpExchange& exchange, const rest::RouteParameters& target) noexcept;
  void infer(transport::HttpExchange& exchange, const rest::RouteParameters& target) noexcept;
  // GET /v2/models/stats.
  void all_statistics(transport::HttpExchange& exchange) noexcept;

 private:
  class Inference;
  class InferencePool;

  const rest::RestServices& services_;
  std::unique_ptr<InferencePool> inferences_;
};

}  // namespace ocelli::kserve
