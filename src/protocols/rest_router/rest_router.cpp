#include "protocols/rest_router/rest_router.hpp"

#include <array>

#include "protocols/rest/rest_reply.hpp"
#include "protocols/rest/route_table.hpp"

namespace ocelli::rest {

using admin::AdminEndpoints;
using kserve::KserveEndpoints;
using tfserving::TfservingEndpoints;
using transport::HttpExchange;
using transport::HttpMethod;

// How a row of the table of endpoints reaches the member that answers.
struct Routes {
  using Endpoint = void (*)(RestRouter& router, HttpExchange& exchange, const RouteParameters& target) noexcept;
  struct Route {
    RoutePattern pattern;
    Endpoint endpoint;
  };

  template <auto member>
  static void kserve(RestRouter& router, HttpExchange& exchange, const RouteParameters& target) noexcept {
    call<member>(router.kserve_, exchange, target);
  }
  template <auto member>
  static void tfserving(RestRouter& router, HttpExchange& exchange, const RouteParameters& target) noexcept {
    call<member>(router.tfserving_, exchange, target);
  }
  template <auto member>
  static void admin(RestRouter& router, HttpExchange& exchange, const RouteParameters& target) noexcept {
    call<member>(router.admin_, exchange, target);
  }

 private:
  // With the path's parameters when the member takes them.
  template <auto member, typename Group>
  static void call(Group& group, HttpExchange& exchange, const RouteParameters& target) noexcept {
    if constexpr (requires { (group.*member)(exchange, target); }) {
      (group.*member)(exchange, target);
    } else {
      (group.*member)(exchange);
    }
  }
};

namespace {

constexpr auto kGet = HttpMethod::kGet;
constexpr auto kPost = HttpMethod::kPost;

// Those that are asked most come first. Where two patterns fit, the first one counts.
constexpr auto kRoutes = std::to_array<Routes::Route>({
    {{kPost, "/v2/models/{name}/infer"}, &Routes::kserve<&KserveEndpoints::infer>},
    {{kPost, "/v2/models/{name}/versions/{version}/infer"}, &Routes::kserve<&KserveEndpoints::infer>},
    {{kPost, "/v1/models/{model}:predict"}, &Routes::tfserving<&TfservingEndpoints::predict>},
    {{kPost, "/v1/models/{model}/versions/{version}:predict"}, &Routes::tfserving<&TfservingEndpoints::predict>},
    {{kPost, "/v1/models/{model}/labels/{label}:predict"}, &Routes::tfserving<&TfservingEndpoints::predict>},
    {{kGet, "/v2/health/live"}, &Routes::kserve<&KserveEndpoints::server_live>},
    {{kGet, "/v2/health/ready"}, &Routes::kserve<&KserveEndpoints::server_ready>},
    {{kGet, "/metrics"}, &Routes::admin<&AdminEndpoints::metrics>},
    {{kGet, "/v2"}, &Routes::kserve<&KserveEndpoints::server_metadata>},
    {{kGet, "/v2/models/stats"}, &Routes::kserve<&KserveEndpoints::all_statistics>},
    {{kGet, "/v2/models/{name}"}, &Routes::kserve<&KserveEndpoints::model_metadata>},
    {{kGet, "/v2/models/{name}/versions/{version}"}, &Routes::kserve<&KserveEndpoints::model_metadata>},
    {{kGet, "/v2/models/{name}/ready"}, &Routes::kserve<&KserveEndpoints::model_ready>},
    {{kGet, "/v2/models/{name}/versions/{version}/ready"}, &Routes::kserve<&KserveEndpoints::model_ready>},
    {{kGet, "/v2/models/{name}/config"}, &Routes::kserve<&KserveEndpoints::model_config>},
    {{kGet, "/v2/models/{name}/versions/{version}/config"}, &Routes::kserve<&KserveEndpoints::model_config>},
    {{kGet, "/v2/models/{name}/stats"}, &Routes::kserve<&KserveEndpoints::model_statistics>},
    {{kGet, "/v2/models/{name}/versions/{version}/stats"}, &Routes::kserve<&KserveEndpoints::model_statistics>},
    {{kPost, "/v2/repository/index"}, &Routes::admin<&AdminEndpoints::repository_index>},
    {{kPost, "/v2/repository/models/{name}/load"}, &Routes::admin<&AdminEndpoints::repository_load>},
    {{kPost, "/v2/repository/models/{name}/unload"}, &Routes::admin<&AdminEndpoints::repository_unload>},
    {{kGet, "/v2/systemsharedmemory/status"}, &Routes::admin<&AdminEndpoints::shared_memory_status>},
    {{kGet, "/v2/systemsharedmemory/region/{name}/status"}, &Routes::admin<&AdminEndpoints::shared_memory_status>},
    {{kPost, "/v2/systemsharedmemory/region/{name}/register"}, &Routes::admin<&AdminEndpoints::shared_memory_register>},
    {{kPost, "/v2/systemsharedmemory/unregister"}, &Routes::admin<&AdminEndpoints::shared_memory_unregister>},
    {{kPost, "/v2/systemsharedmemory/region/{name}/unregister"},
     &Routes::admin<&AdminEndpoints::shared_memory_unregister>},
    {{kGet, "/v2/cudasharedmemory/status"}, &Routes::admin<&AdminEndpoints::cuda_memory_status>},
    {{kGet, "/v2/cudasharedmemory/region/{name}/status"}, &Routes::admin<&AdminEndpoints::cuda_memory_status>},
    {{kPost, "/v2/cudasharedmemory/region/{name}/register"}, &Routes::admin<&AdminEndpoints::cuda_memory_register>},
    {{kPost, "/v2/cudasharedmemory/unregister"}, &Routes::admin<&AdminEndpoints::cuda_memory_unregister>},
    {{kPost, "/v2/cudasharedmemory/region/{name}/unregister"}, &Routes::admin<&AdminEndpoints::cuda_memory_unregister>},
    {{kGet, "/v2/logging"}, &Routes::admin<&AdminEndpoints::log_settings>},
    {{kPost, "/v2/logging"}, &Routes::admin<&AdminEndpoints::log_settings>},
    {{kGet, "/v2/trace/setting"}, &Routes::admin<&AdminEndpoints::trace_settings>},
    {{kPost, "/v2/trace/setting"}, &Routes::admin<&AdminEndpoints::trace_settings>},
    {{kGet, "/v2/models/{name}/trace/setting"}, &Routes::admin<&AdminEndpoints::trace_settings>},
    {{kPost, "/v2/models/{name}/trace/setting"}, &Routes::admin<&AdminEndpoints::trace_settings>},
    {{kGet, "/v1/config"}, &Routes::admin<&AdminEndpoints::config_status>},
    {{kPost, "/v1/config/reload"}, &Routes::admin<&AdminEndpoints::config_reload>},
    {{kGet, "/v3/models"}, &Routes::admin<&AdminEndpoints::model_list>},
    {{kGet, "/v3/v1/models"}, &Routes::admin<&AdminEndpoints::model_list>},
    {{kGet, "/v1/models"}, &Routes::tfserving<&TfservingEndpoints::model_status>},
    {{kPost, "/v1/models/{model}:classify"}, &Routes::tfserving<&TfservingEndpoints::not_offered>},
    {{kPost, "/v1/models/{model}:regress"}, &Routes::tfserving<&TfservingEndpoints::not_offered>},
    {{kGet, "/v1/models/{model}"}, &Routes::tfserving<&TfservingEndpoints::model_status>},
    {{kGet, "/v1/models/{model}/metadata"}, &Routes::tfserving<&TfservingEndpoints::model_metadata>},
    {{kPost, "/v1/models/{model}/versions/{version}:classify"}, &Routes::tfserving<&TfservingEndpoints::not_offered>},
    {{kPost, "/v1/models/{model}/versions/{version}:regress"}, &Routes::tfserving<&TfservingEndpoints::not_offered>},
    {{kGet, "/v1/models/{model}/versions/{version}"}, &Routes::tfserving<&TfservingEndpoints::model_status>},
    {{kGet, "/v1/models/{model}/versions/{version}/metadata"}, &Routes::tfserving<&TfservingEndpoints::model_metadata>},
    {{kPost, "/v1/models/{model}/labels/{label}:classify"}, &Routes::tfserving<&TfservingEndpoints::not_offered>},
    {{kPost, "/v1/models/{model}/labels/{label}:regress"}, &Routes::tfserving<&TfservingEndpoints::not_offered>},
    {{kGet, "/v1/models/{model}/labels/{label}"}, &Routes::tfserving<&TfservingEndpoints::model_status>},
    {{kGet, "/v1/models/{model}/labels/{label}/metadata"}, &Routes::tfserving<&TfservingEndpoints::model_metadata>},
});

constexpr auto kPatterns = [] {
  std::array<RoutePattern, kRoutes.size()> patterns{};
  for (std::size_t i = 0; i < patterns.size(); ++i) patterns[i] = kRoutes[i].pattern;
  return patterns;
}();

}  // namespace

void RestRouter::handle(HttpExchange& exchange) noexcept {
  const auto& request = exchange.request();
  // What a browser asks before it sends from another site; the transport adds the headers that answer it.
  if (request.method == HttpMethod::kOptions) return exchange.send();
  RouteParameters target;
  std::size_t route = 0;
  const Status status = guarded([&]() -> Status {
    const auto found = find_route(kPatterns, request.method, request.path, target);
    if (!found.ok()) return found.status();
    route = *found;
    return {};
  });
  if (!status.ok()) return send_error(exchange, status);
  kRoutes[route].endpoint(*this, exchange, target);
}

}  // namespace ocelli::rest
