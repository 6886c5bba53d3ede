#include "cli/bench/rest_way.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "cli/bench/http_client.hpp"
#include "cli/bench/in_flight.hpp"

namespace ocelli::cli {
namespace {

using Json = nlohmann::ordered_json;
using Bytes = std::vector<std::byte>;

void append(Bytes& bytes, const void* data, std::size_t size) {
  const auto* begin = static_cast<const std::byte*>(data);
  bytes.insert(bytes.end(), begin, begin + size);
}

// As it stands in a path (RFC 3986, section 2.3).
std::string percent_encoded(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const bool plain =
        std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string_view("-._~").find(c) != std::string_view::npos;
    text += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return text;
}

Bytes request_of(const Endpoint& endpoint, const std::string& model, const std::vector<TensorSpec>& specs,
                 const std::vector<Tensor>& inputs, const std::vector<TensorSpec>& outputs) {
  Json body{{"inputs", Json::array()}, {"outputs", Json::array()}};
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const auto& view = inputs[i].view;
    Json shape = Json::array();
    for (const auto extent : view.shape) shape.push_back(extent);
    body["inputs"].push_back({{"name", specs[i].name},
                              {"shape", shape},
                              {"datatype", kserve_name(view.type)},
                              {"parameters", {{"binary_data_size", view.bytes}}}});
    bytes += view.bytes;
  }
  for (const auto& output : outputs)
    body["outputs"].push_back({{"name", output.name}, {"parameters", {{"binary_data", true}}}});
  const auto json = body.dump();
  const auto head = fmt::format(
      "POST /v2/models/{}/infer HTTP/1.1\r\nHost: {}\r\nContent-Type: application/octet-stream\r\n"
      "Inference-Header-Content-Length: {}\r\nContent-Length: {}\r\n\r\n",
      percent_encoded(model), endpoint.host, json.size(), json.size() + bytes);
  Bytes request;
  append(request, head.data(), head.size());
  append(request, json.data(), json.size());
  for (const auto& input : inputs) append(request, input.view.data, input.view.bytes);
  return request;
}

class RestWay final : public LoadWay {
 public:
  RestWay(Endpoint endpoint, Bytes request) : endpoint_(std::move(endpoint)), request_(std::move(request)) {}

  [[nodiscard]] std::string name() const override { return "REST"; }

  Result<LoadResult> run(std::uint32_t concurrency, Duration duration) override {
    while (clients_.size() < concurrency) {
      auto client = HttpClient::connect(endpoint_.host, endpoint_.port);
      if (!client.ok()) return client.status();
      clients_.push_back(std::move(*client));
    }
    InFlight load(duration);
    std::vector<std::jthread> threads;
    for (std::uint32_t i = 0; i < concurrency; ++i) {
      load.begin_one();
      threads.emplace_back([this, &load, &client = clients_[i]] { work(client, load); });
    }
    return load.wait();
  }

 private:
  void work(HttpClient& client, InFlight& load) {
    for (bool more = true; more;) {
      const auto began = Clock::now();
      const auto code = client.exchange(request_);
      Status status = code.ok() ? Status() : code.status();
      if (code.ok() && *code != 200) {
        const auto body = client.body();
        status = internal_error(
            fmt::format("HTTP {}: {}", *code, std::string_view(body.data(), std::min<std::size_t>(body.size(), 200))));
      }
      more = load.end_one(began, status);
    }
  }

  Endpoint endpoint_;
  Bytes request_;
  std::vector<HttpClient> clients_;
};

}  // namespace

std::unique_ptr<LoadWay> make_rest_way(const Endpoint& endpoint, const std::string& model,
                                       const std::vector<TensorSpec>& specs, const std::vector<Tensor>& inputs,
                                       const std::vector<TensorSpec>& outputs) {
  return std::make_unique<RestWay>(endpoint, request_of(endpoint, model, specs, inputs, outputs));
}

}  // namespace ocelli::cli
