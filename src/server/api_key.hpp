// The API key of a server.
#pragma once

#include <string>
#include <utility>

#include "base/status.hpp"
#include "server/server_options.hpp"
#include "transport/http/http_exchange.hpp"

namespace ocelli::server {

// What the listeners are told. Empty keys: open to everybody.
struct ApiKeys {
  std::string rest;  // for the whole REST listener, but for its open paths
  std::string grpc;
  bool guards_probes = false;  // health and metrics need the key too
  std::string generative;      // for paths under /v3/ only
};

// The key of --api_key_file (its first line, right-trimmed) or of the environment, laid out by --api_key_scope. Errors:
// kInvalidArgument when the file cannot be read or begins with an empty line.
Result<ApiKeys> read_api_keys(const ServerOptions& options);

// Asks for the key on paths under /v3/ only, as OVMS does, and hands everything else on. next must outlive it.
class GenerativeKeyGuard final : public transport::HttpHandler {
 public:
  GenerativeKeyGuard(std::string key, transport::HttpHandler& next) : key_(std::move(key)), next_(next) {}
  void handle(transport::HttpExchange& exchange) noexcept override;

 private:
  std::string key_;
  transport::HttpHandler& next_;
};

}  // namespace ocelli::server
