#include "protocols/kserve/kserve_endpoints.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "protocols/handoff/waiting_pool.hpp"
#include "protocols/kserve/infer_reply.hpp"
#include "protocols/kserve/infer_request.hpp"
#include "protocols/kserve/model_config_json.hpp"
#include "protocols/kserve/model_json.hpp"
#include "protocols/kserve/raw_request.hpp"
#include "protocols/rest/rest_inference.hpp"
#include "protocols/rest/rest_reply.hpp"
#include "protocols/rest/servable_reply.hpp"

namespace ocelli::kserve {
namespace {

using observability::Interface;
using observability::Method;
using transport::HttpExchange;

constexpr std::string_view kJsonLengthHeader = "Inference-Header-Content-Length";

// Counts a request about a model, which answered with status.
void count(serving::Servable& servable, const HttpExchange& exchange, Method method, const Status& status) noexcept {
  servable.metrics().request_done(method, Interface::kRest, status, Clock::now() - exchange.request().received);
}

}  // namespace

// One POST .../infer.
class KserveEndpoints::Inference final : public rest::RestInference {
 public:
  Inference(const rest::RestServices& services, handoff::ObjectPool<Inference>& home)
      : RestInference(services, Method::kModelInfer), home_(home) {}
  using RestInference::start;

 private:
  Status parse(HttpExchange& exchange) override {
    const auto& request = exchange.request();
    const InferBody body{request.body, request.body_owner, exchange.header(kJsonLengthHeader), request.received};
    return parse_infer_request(body, decoding_pool(), services_.shared_memory, request_);
  }

  // A wrong length is refused by parse() before anything is read.
  std::size_t request_text_bytes(const HttpExchange& exchange) noexcept override {
    const auto length = exchange.header(kJsonLengthHeader);
    std::size_t bytes = length ? 0 : exchange.request().body.size();
    if (length) std::from_chars(length->data(), length->data() + length->size(), bytes);
    return bytes;
  }

  Status fill(HttpExchange& exchange) override {
    if (!request_.raw) return {};
    const auto& request = exchange.request();
    return read_raw_input({request.body, request.body_owner, {}, request.received}, decoding_pool(), request_);
  }

  Status write(HttpExchange& exchange) override {
    if (auto status = serving::check_memory(request_.call); !status.ok()) return status;
    if (auto status = classify_outputs(request_, decoding_pool()); !status.ok()) return status;
    const auto length = write_infer_reply(request_, exchange.body);
    if (!length.ok()) return length.status();
    if (*length == 0) return {};
    exchange.extra_headers.emplace_back(kJsonLengthHeader, std::to_string(*length));
    // A script from another site cannot find the tensors without it, and a browser shows it no headers unasked.
    if (exchange.header("origin")) {
      exchange.extra_headers.emplace_back("Access-Control-Expose-Headers", kJsonLengthHeader);
    }
    return {};
  }

  std::size_t text_bytes() noexcept override { return json_tensor_bytes(request_); }

  // OVMS looks for a pipeline last, and that is what it then says.
  Status lookup_error(const Status& status) override {
    const bool unknown_name = status.message() == "Model with requested name is not found";
    return unknown_name ? not_found("Pipeline with requested name is not found") : status;
  }

  void clear() noexcept override { request_.clear(); }
  void recycle() noexcept override;
  serving::InferenceCall& call() noexcept override { return request_.call; }

  handoff::ObjectPool<Inference>& home_;
  InferRequest request_;
};

class KserveEndpoints::InferencePool : public handoff::WaitingPool<Inference> {
 public:
  using WaitingPool::WaitingPool;
};

void KserveEndpoints::Inference::recycle() noexcept { home_.release(*this); }

KserveEndpoints::KserveEndpoints(const rest::RestServices& services)
    : services_(services), inferences_(std::make_unique<InferencePool>([this](auto& home) {
        return std::make_unique<Inference>(services_, home);
      })) {}

// Waits for those that are on their way.
KserveEndpoints::~KserveEndpoints() = default;

void KserveEndpoints::infer(HttpExchange& exchange, const rest::RouteParameters& target) noexcept {
  Inference* inference = nullptr;
  const Status status = rest::guarded([&]() -> Status {
    inference = &(*inferences_)->acquire();
    return {};
  });
  if (!status.ok()) return rest::send_error(exchange, status);
  inference->start(exchange, target.name, target.version);
}

void KserveEndpoints::server_metadata(HttpExchange& exchange) noexcept {
  rest::reply_with(exchange, [this](HttpExchange& reply) -> Status {
    append_server_metadata(reply.body.text(), services_.server_name, services_.server_version,
                           services_.shared_memory != nullptr);
    return {};
  });
}

void KserveEndpoints::server_live(HttpExchange& exchange) noexcept { exchange.send(); }

void KserveEndpoints::server_ready(HttpExchange& exchange) noexcept {
  rest::reply_with(exchange, [this](HttpExchange&) {
    return services_.catalog.ready() ? Status() : unavailable("Server is not ready");
  });
}

void KserveEndpoints::model_ready(HttpExchange& exchange, const rest::RouteParameters& target) noexcept {
  rest::reply_with(exchange, [&](HttpExchange& reply) -> Status {
    const auto servable = services_.catalog.find(target.name, target.version);
    if (!servable.ok()) return servable.status();
    auto status = (*servable)->current_metadata().device_status();
    count(**servable, reply, Method::kModelReady, status);
    return status;
  });
}

void KserveEndpoints::model_metadata(HttpExchange& exchange, const rest::RouteParameters& target) noexcept {
  rest::reply_about(services_.catalog, exchange, target,
                    [this](HttpExchange& reply, serving::Servable& servable) -> Status {
                      const auto status = services_.catalog.status(servable.metadata().name, std::nullopt);
                      if (!status.ok()) return status.status();
                      append_model_metadata(reply.body.text(), servable.current_metadata(), *status);
                      count(servable, reply, Method::kModelMetadata, {});
                      return {};
                    });
}

void KserveEndpoints::model_config(HttpExchange& exchange, const rest::RouteParameters& target) noexcept {
  rest::reply_about(services_.catalog, exchange, target,
                    [](HttpExchange& reply, serving::Servable& servable) -> Status {
                      append_model_config(reply.body.text(), servable.current_metadata());
                      return {};
                    });
}

namespace {

// Appends the statistics of all AVAILABLE versions, or only the one asked for.
void append_statistics(std::string& text, serving::ModelCatalog& catalog, const serving::ModelStatus& model,
                       std::optional<std::int64_t> only, bool& first) {
  for (const auto& version : model.versions) {
    if (version.state != serving::VersionState::kAvailable || (only && *only != version.version)) continue;
    const auto servable = catalog.find(model.name, version.version);
    if (!servable.ok()) continue;  // unloaded this moment
    if (!std::exchange(first, false)) text.push_back(',');
    append_model_statistics(text, **servable);
  }
}

}  // namespace

void KserveEndpoints::model_statistics(HttpExchange& exchange, const rest::RouteParameters& target) noexcept {
  rest::reply_with(exchange, [&](HttpExchange& reply) -> Status {
    const auto servable = services_.catalog.find(target.name, target.version);
    if (!servable.ok()) return servable.status();
    const auto model = services_.catalog.status(target.name, target.version);
    if (!model.ok()) return model.status();
    auto& text = reply.body.text();
    bool first = true;
    text.append("{\"model_stats\":[");
    append_statistics(text, services_.catalog, *model, target.version, first);
    text.append("]}");
    return {};
  });
}

void KserveEndpoints::all_statistics(HttpExchange& exchange) noexcept {
  rest::reply_with(exchange, [&](HttpExchange& reply) -> Status {
    auto& text = reply.body.text();
    bool first = true;
    text.append("{\"model_stats\":[");
    for (const auto& model : services_.catalog.all_statuses()) {
      append_statistics(text, services_.catalog, model, std::nullopt, first);
    }
    text.append("]}");
    return {};
  });
}

}  // namespace ocelli::kserve
