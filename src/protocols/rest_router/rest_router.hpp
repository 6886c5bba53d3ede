// RestRouter: sends each REST request to its endpoint.
#pragma once

#include <utility>

#include "protocols/admin/admin_endpoints.hpp"
#include "protocols/handoff/readers.hpp"
#include "protocols/kserve/kserve_endpoints.hpp"
#include "protocols/rest/rest_services.hpp"
#include "protocols/tfserving/tfserving_endpoints.hpp"
#include "transport/http/http_exchange.hpp"

namespace ocelli::rest {

// Thread-safe. What services refers to must outlive the router; the router must outlive the exchanges that it was
// given, those that wait in services.background too.
class RestRouter final : public transport::HttpHandler {
 public:
  explicit RestRouter(RestServices services)
      : services_(with_threads(std::move(services))), kserve_(services_), tfserving_(services_), admin_(services_) {}

  // Every path that is not served answers 400 "Invalid request URL", every wrong method 406 "Unsupported method".
  void handle(transport::HttpExchange& exchange) noexcept override;

 private:
  friend struct Routes;

  static constexpr std::size_t kWriters = 2;
  static constexpr std::size_t kMaxWaitingTexts = 256;

  RestServices with_threads(RestServices services) {
    services.writers = &writers_;
    services.readers = &readers_.pool();
    return services;
  }

  ThreadPool writers_{"ocelli-text", kWriters, kMaxWaitingTexts};
  handoff::Readers readers_;
  const RestServices services_;
  kserve::KserveEndpoints kserve_;
  tfserving::TfservingEndpoints tfserving_;
  admin::AdminEndpoints admin_;
};

}  // namespace ocelli::rest
