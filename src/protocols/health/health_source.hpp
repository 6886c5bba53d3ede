// HealthSource: what grpc.health.v1 says about the server, its services and its models.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "serving/model_catalog.hpp"

namespace ocelli::health {

// grpc.health.v1.HealthCheckResponse.ServingStatus.
enum class ServingStatus : std::uint8_t { kUnknown = 0, kServing = 1, kNotServing = 2, kServiceUnknown = 3 };

// Thread-safe.
class HealthSource {
 public:
  // services: the gRPC services of this server by their full names. ready: whether the server takes requests.
  HealthSource(serving::ModelCatalog& catalog, std::function<bool()> ready, std::vector<std::string> services)
      : catalog_(catalog), ready_(std::move(ready)), services_(std::move(services)) {}

  // "" and the services share the server's status; any other name is a model's, which serves while it has an AVAILABLE
  // version. kServiceUnknown: no such name.
  [[nodiscard]] ServingStatus status_of(std::string_view service) const;

 private:
  serving::ModelCatalog& catalog_;
  std::function<bool()> ready_;
  std::vector<std::string> services_;
};

}  // namespace ocelli::health
