#include "protocols/tfserving/tfserving_endpoints.hpp"

#include <string_view>

#include "protocols/handoff/waiting_pool.hpp"
#include "protocols/rest/rest_inference.hpp"
#include "protocols/rest/rest_reply.hpp"
#include "protocols/rest/servable_reply.hpp"
#include "protocols/tfserving/model_metadata_json.hpp"
#include "protocols/tfserving/model_status_json.hpp"
#include "protocols/tfserving/predict_reply.hpp"
#include "protocols/tfserving/predict_request.hpp"

namespace ocelli::tfserving {
namespace {

using observability::Interface;
using observability::Method;
using transport::HttpExchange;

// Counts a request about a model, which was answered.
void count(serving::Servable& servable, const HttpExchange& exchange, Method method) noexcept {
  servable.metrics().request_done(method, Interface::kRest, {}, Clock::now() - exchange.request().received);
}

}  // namespace

// One POST ...:predict.
class TfservingEndpoints::Prediction final : public rest::RestInference {
 public:
  Prediction(const rest::RestServices& services, handoff::ObjectPool<Prediction>& home)
      : RestInference(services, Method::kPredict), home_(home) {}
  using RestInference::start;

 private:
  Status fill(HttpExchange& exchange) override {
    const auto& body = exchange.request().body;
    const std::string_view text(reinterpret_cast<const char*>(body.data()), body.size());
    const auto format = parse_predict_request(text, call_.servable->metadata(), decoding_pool(), texts_, call_);
    if (!format.ok()) return format.status();
    format_ = *format;
    return {};
  }
  std::size_t request_text_bytes(const HttpExchange& exchange) noexcept override {
    return exchange.request().body.size();
  }
  Status write(HttpExchange& exchange) override { return write_predict_reply(call_, format_, exchange.body.text()); }
  std::size_t text_bytes() noexcept override {
    std::size_t bytes = 0;
    for (const auto& output : call_.outputs) bytes += output.tensor.view.bytes;
    return bytes;
  }
  void clear() noexcept override {
    call_.clear();
    texts_.clear();
  }
  void recycle() noexcept override;
  serving::InferenceCall& call() noexcept override { return call_; }

  handoff::ObjectPool<Prediction>& home_;
  serving::InferenceCall call_;
  json::TextStore texts_;
  PredictFormat format_ = PredictFormat::kRow;
};

class TfservingEndpoints::PredictionPool : public handoff::WaitingPool<Prediction> {
 public:
  using WaitingPool::WaitingPool;
};

void TfservingEndpoints::Prediction::recycle() noexcept { home_.release(*this); }

TfservingEndpoints::TfservingEndpoints(const rest::RestServices& services)
    : services_(services), predictions_(std::make_unique<PredictionPool>([this](auto& home) {
        return std::make_unique<Prediction>(services_, home);
      })) {}

// Waits for those that are on their way.
TfservingEndpoints::~TfservingEndpoints() = default;

void TfservingEndpoints::model_status(HttpExchange& exchange, const rest::RouteParameters& target) noexcept {
  rest::reply_with(exchange, [&](HttpExchange& reply) -> Status {
    const auto status = services_.catalog.status(target.name, target.version);
    if (!status.ok()) return status.status();
    append_model_status(reply.body.text(), *status);
    // A version that does not serve has no counters.
    if (const auto servable = services_.catalog.find(target.name, target.version); servable.ok()) {
      count(**servable, reply, Method::kGetModelStatus);
    }
    return {};
  });
}

void TfservingEndpoints::model_metadata(HttpExchange& exchange, const rest::RouteParameters& target) noexcept {
  rest::reply_about(services_.catalog, exchange, target,
                    [](HttpExchange& reply, serving::Servable& servable) -> Status {
                      append_model_metadata(reply.body.text(), servable.current_metadata());
                      count(servable, reply, Method::kGetModelMetadata);
                      return {};
                    });
}

void TfservingEndpoints::predict(HttpExchange& exchange, const rest::RouteParameters& target) noexcept {
  Prediction* prediction = nullptr;
  const Status status = rest::guarded([&]() -> Status {
    prediction = &(*predictions_)->acquire();
    return {};
  });
  if (!status.ok()) return rest::send_error(exchange, status);
  prediction->start(exchange, target.name, target.version);
}

void TfservingEndpoints::not_offered(HttpExchange& exchange) noexcept {
  rest::send_error(exchange, not_found("Requested REST resource not found"));
}

}  // namespace ocelli::tfserving
