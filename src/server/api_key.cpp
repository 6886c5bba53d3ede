#include "server/api_key.hpp"

#include <fmt/format.h>

#include <fstream>

#include "transport/api_key.hpp"

namespace ocelli::server {
namespace {

constexpr const char* kBlanks = " \t\r\n";
constexpr int kUnauthorized = 401;

Result<std::string> read_key(const ServerOptions& options) {
  if (options.api_key_file.empty()) return options.api_key;
  std::ifstream file(options.api_key_file);
  std::string line;
  if (!file || !std::getline(file, line)) {
    return invalid_argument(fmt::format("api_key_file {} cannot be read", options.api_key_file));
  }
  line.erase(line.find_last_not_of(kBlanks) + 1);
  if (line.empty())
    return invalid_argument(fmt::format("api_key_file {} begins with an empty line", options.api_key_file));
  return line;
}

}  // namespace

Result<ApiKeys> read_api_keys(const ServerOptions& options) {
  auto key = read_key(options);
  if (!key.ok()) return key.status();
  ApiKeys keys;
  if (options.api_key_scope == "v3") {
    keys.generative = std::move(*key);
  } else {
    keys.rest = *key;
    keys.grpc = std::move(*key);
    keys.guards_probes = options.api_key_scope == "all";
  }
  return keys;
}

void GenerativeKeyGuard::handle(transport::HttpExchange& exchange) noexcept {
  if (!exchange.request().path.starts_with("/v3/") ||
      transport::is_bearer_of(exchange.header("authorization").value_or(""), key_)) {
    next_.handle(exchange);
    return;
  }
  exchange.status = kUnauthorized;
  exchange.extra_headers.emplace_back("WWW-Authenticate", "Bearer");
  exchange.body.text() = R"({"error":"Unauthorized"})";
  exchange.send();
}

}  // namespace ocelli::server
