// TfservingEndpoints: TensorFlow Serving's REST API.
#pragma once

#include <memory>

#include "protocols/rest/rest_services.hpp"
#include "protocols/rest/route_table.hpp"
#include "transport/http/http_exchange.hpp"

namespace ocelli::tfserving {

// Each member answers its exchange exactly once, now or later, and never blocks. Thread-safe. Must outlive its
// exchanges.
class TfservingEndpoints {
 public:
  explicit TfservingEndpoints(const rest::RestServices& services);
  ~TfservingEndpoints();

  // GET /v1/models/{name}[/versions/{version}] and .../metadata.
  void model_status(transport::HttpExchange& exchange, const rest::RouteParameters& target) noexcept;
  void model_metadata(transport::HttpExchange& exchange, const rest::RouteParameters& target) noexcept;
  // POST ...:predict.
  void predict(transport::HttpExchange& exchange, const rest::RouteParameters& target) noexcept;
  // POST ...:classify and ...:regress, which no model here can answer.
  void not_offered(transport::HttpExchange& exchange) noexcept;

 private:
  class Prediction;
  class PredictionPool;

  const rest::RestServices& services_;
  std::unique_ptr<PredictionPool> predictions_;
};

}  // namespace ocelli::tfserving
