#include "cli/bench/grpc_way.hpp"

#include <thread>
#include <utility>

#include "cli/bench/in_flight.hpp"
#include "protocols/wire/wire_writer.hpp"
#include "transport/grpc/rpc_client.hpp"

namespace ocelli::cli {
namespace {

// Field numbers of inference.ModelInferRequest and its InferInputTensor.
constexpr std::uint32_t kModelName = 1;
constexpr std::uint32_t kInputs = 5;
constexpr std::uint32_t kRawInputContents = 7;
constexpr std::uint32_t kInputName = 1;
constexpr std::uint32_t kInputDatatype = 2;
constexpr std::uint32_t kInputShape = 3;

std::string input_of(const TensorSpec& spec, const TensorView& view) {
  std::string shape;
  for (const auto extent : view.shape) wire::append_varint(shape, static_cast<std::uint64_t>(extent));
  std::string input;
  wire::append_text(input, kInputName, spec.name);
  wire::append_text(input, kInputDatatype, kserve_name(view.type));
  wire::append_text(input, kInputShape, shape);
  return input;
}

std::string request_of(const std::string& model, const std::vector<TensorSpec>& specs,
                       const std::vector<Tensor>& inputs) {
  std::string request;
  wire::append_text(request, kModelName, model);
  for (std::size_t i = 0; i < specs.size(); ++i)
    wire::append_text(request, kInputs, input_of(specs[i], inputs[i].view));
  for (const auto& input : inputs) {
    wire::append_length_prefix(request, kRawInputContents, input.view.bytes);
    request.append(reinterpret_cast<const char*>(input.view.data), input.view.bytes);
  }
  return request;
}

class GrpcWay final : public LoadWay {
 public:
  GrpcWay(const Endpoint& endpoint, std::string request) : request_(std::move(request)) {
    options_.host = endpoint.host;
    options_.port = endpoint.port;
  }

  [[nodiscard]] std::string name() const override { return "gRPC"; }

  Result<LoadResult> run(std::uint32_t concurrency, Duration duration) override {
    while (clients_.size() < concurrency) {
      auto client = transport::RpcClient::connect(options_);
      if (!client.ok()) return client.status();
      clients_.push_back(std::move(*client));
    }
    InFlight load(duration);
    std::vector<std::jthread> threads;
    for (std::uint32_t i = 0; i < concurrency; ++i) {
      load.begin_one();
      threads.emplace_back([this, &load, &client = *clients_[i]] { work(client, load); });
    }
    return load.wait();
  }

 private:
  void work(transport::RpcClient& client, InFlight& load) {
    transport::RpcCall call;
    call.path = "/inference.GRPCInferenceService/ModelInfer";
    for (bool more = true; more;) {
      call.request().clear();
      call.request().add(std::as_bytes(std::span(request_)), {});  // outlives the call
      const auto began = Clock::now();
      const auto& status = client.run(call);
      more = load.end_one(began, status);
    }
  }

  transport::RpcClientOptions options_;
  const std::string request_;
  std::vector<std::unique_ptr<transport::RpcClient>> clients_;
};

}  // namespace

std::unique_ptr<LoadWay> make_grpc_way(const Endpoint& endpoint, const std::string& model,
                                       const std::vector<TensorSpec>& specs, const std::vector<Tensor>& inputs) {
  return std::make_unique<GrpcWay>(endpoint, request_of(model, specs, inputs));
}

}  // namespace ocelli::cli
