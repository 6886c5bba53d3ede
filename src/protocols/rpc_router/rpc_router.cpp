#include "protocols/rpc_router/rpc_router.hpp"

#include <fmt/format.h>

#include <array>
#include <exception>
#include <iterator>
#include <utility>

#include "protocols/kserve_grpc/control_methods.hpp"
#include "protocols/kserve_grpc/infer_message.hpp"
#include "protocols/rpc/parsing_charge.hpp"
#include "protocols/tfserving_grpc/control_methods.hpp"
#include "protocols/tfserving_grpc/predict_message.hpp"

namespace ocelli::rpc {
namespace {

constexpr std::string_view kInferPath = "/inference.GRPCInferenceService/ModelInfer";
constexpr std::string_view kInferStreamPath = "/inference.GRPCInferenceService/ModelStreamInfer";
constexpr std::string_view kPredictPath = "/tensorflow.serving.PredictionService/Predict";
constexpr std::string_view kHealthCheckPath = "/grpc.health.v1.Health/Check";
constexpr std::string_view kHealthWatchPath = "/grpc.health.v1.Health/Watch";
constexpr std::array<std::string_view, 2> kReflectionPaths{
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"};

std::vector<std::string> service_names() {
  return {"grpc.health.v1.Health",
          "grpc.reflection.v1.ServerReflection",
          "grpc.reflection.v1alpha.ServerReflection",
          "inference.GRPCInferenceService",
          "tensorflow.serving.ModelService",
          "tensorflow.serving.PredictionService"};
}

Status check_health(const health::HealthSource& source, wire::Bytes request, std::string& reply) {
  const auto service = health::read_health_request(request);
  if (!service.ok()) return service.status();
  const auto status = source.status_of(service.value());
  if (status == health::ServingStatus::kServiceUnknown)
    return not_found(fmt::format("Service or model is not found; name: {}", service.value()));
  health::append_health_response(status, reply);
  return {};
}

template <typename Message>
UnaryInference::Pool::Make make_unary(const InferenceServices& services) {
  return [&services](UnaryInference::Pool& home) {
    return std::make_unique<UnaryInference>(services, std::make_unique<Message>(), home);
  };
}

}  // namespace

RpcRouter::RpcRouter(RpcRouterOptions options)
    : options_(std::move(options)),
      services_{options_.catalog, options_.shared_memory, &readers_.pool()},
      health_(
          options_.catalog, [this] { return ready(); }, service_names()),
      watch_(health_, options_.catalog.changes()),
      reflection_(service_names()),
      reflect_([this](wire::Bytes message, std::string& reply) {
        auto status = wire::check_message_bytes(message.size(), kMaxControlBytes);
        return status.ok() ? reflection_.answer(message, reply) : status;
      }),
      infers_(make_unary<kserve_grpc::InferMessage>(services_)),
      predicts_(make_unary<tfserving_grpc::PredictMessage>(services_)),
      stream_jobs_([this](auto&) {
        return std::make_unique<kserve_grpc::StreamInference>(services_,
                                                              std::make_unique<kserve_grpc::InferMessage>(true));
      }),
      streams_([this](auto& home) { return std::make_unique<kserve_grpc::InferStream>(*stream_jobs_, home); }),
      conversations_([this](auto& home) { return std::make_unique<Conversation>(reflect_, home); }),
      worker_("ocelli-admin", 1, kMaxBlocking) {
  entries_[kInferPath] = {Kind::kInfer, nullptr};
  entries_[kPredictPath] = {Kind::kPredict, nullptr};
  entries_[kInferStreamPath] = {Kind::kInferStream, nullptr};
  entries_[kHealthWatchPath] = {Kind::kWatch, nullptr};
  for (const auto path : kReflectionPaths) entries_[path] = {Kind::kReflection, nullptr};
  add_control_methods();
}

RpcRouter::~RpcRouter() = default;

void RpcRouter::add_control_methods() {
  methods_ = kserve_grpc::control_methods({options_.catalog, options_.shared_memory, options_.server_name,
                                           options_.server_version, options_.log, [this] { return ready(); }});
  auto tfserving = tfserving_grpc::control_methods(options_.catalog);
  std::move(tfserving.begin(), tfserving.end(), std::back_inserter(methods_));
  methods_.push_back({std::string(kHealthCheckPath), [this](wire::Bytes request, std::string& reply) {
                        return check_health(health_, request, reply);
                      }});
  // methods_ does not change any more: entries point into it.
  for (const auto& method : methods_)
    entries_[method.path] = {method.blocking ? Kind::kBlocking : Kind::kControl, &method};
}

const RpcRouter::Entry* RpcRouter::find(std::string_view path) const noexcept {
  const auto found = entries_.find(path);
  return found == entries_.end() ? nullptr : &found->second;
}

bool RpcRouter::ready() const noexcept {
  return !shutting_down_.load(std::memory_order_relaxed) && options_.catalog.ready();
}

bool RpcRouter::streaming(std::string_view path) const noexcept {
  const auto* entry = find(path);
  return entry &&
         (entry->kind == Kind::kInferStream || entry->kind == Kind::kWatch || entry->kind == Kind::kReflection);
}

std::size_t RpcRouter::bulk_offset(std::string_view path, std::span<const std::byte> prefix) const noexcept {
  const auto* entry = find(path);
  if (!entry) return 0;
  if (entry->kind == Kind::kInfer || entry->kind == Kind::kInferStream) return kserve_grpc::infer_bulk_offset(prefix);
  return entry->kind == Kind::kPredict ? tfserving_grpc::predict_bulk_offset(prefix) : 0;
}

void RpcRouter::handle(transport::RpcExchange& exchange) noexcept {
  const auto* entry = find(exchange.path());
  if (!entry) return exchange.finish(unimplemented(fmt::format("Method is not offered: {}", exchange.path())));
  switch (entry->kind) {
    case Kind::kInfer:
      return infers_->acquire().handle(exchange);
    case Kind::kPredict:
      return predicts_->acquire().handle(exchange);
    case Kind::kInferStream:
      return streams_->acquire().handle(exchange);
    case Kind::kWatch:
      return watch_.handle(exchange);
    case Kind::kReflection:
      return conversations_->acquire().handle(exchange);
    case Kind::kControl:
      return run_control(*entry->method, exchange);
    case Kind::kBlocking:
      return run_blocking(*entry->method, exchange);
  }
}

void RpcRouter::run_control(const UnaryMethod& method, transport::RpcExchange& exchange) noexcept {
  Status status;
  ByteCharge parsed;
  try {
    const auto bytes = exchange.message().bytes;
    // These are read on a network thread.
    if (!method.blocking) status = wire::check_message_bytes(bytes.size(), kMaxControlBytes);
    if (status.ok()) status = charge_parsing(exchange, bytes.size(), parsed);
    if (status.ok()) status = method.run(bytes, exchange.reply().text());
  } catch (const std::exception&) {
    status = Status(StatusCode::kResourceExhausted, "Not enough memory for the request");
  }
  parsed.clear();
  exchange.finish(status);
}

void RpcRouter::run_blocking(const UnaryMethod& method, transport::RpcExchange& exchange) noexcept {
  if (worker_.submit([this, &method, &exchange] { run_control(method, exchange); })) return;
  exchange.finish(Status(StatusCode::kResourceExhausted,
                         fmt::format("Too many requests to load or unload wait - Expected: at most {}", kMaxBlocking)));
}

void RpcRouter::begin_shutdown() noexcept {
  shutting_down_.store(true, std::memory_order_relaxed);
  watch_.close();
}

}  // namespace ocelli::rpc
