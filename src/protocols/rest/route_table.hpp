// RouteTable: finds the endpoint of a path.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/status.hpp"
#include "transport/http/http_exchange.hpp"

namespace ocelli::rest {

// What the placeholders of a pattern stood for.
struct RouteParameters {
  // {name} or {model}, decoded; points into the request's path or into decoded.
  std::string_view name;
  // {version}; empty: none, or 0, which means the same.
  std::optional<std::int64_t> version;
  // Holds name when it was percent-encoded.
  std::string decoded;
};

// One endpoint. Segments of pattern are literal or one placeholder, which may have literal text behind it: {name} any
// text, {model} any text without a colon, {version} digits, {label} any text, which is passed over. Example:
// "/v1/models/{model}/versions/{version}:predict".
struct RoutePattern {
  transport::HttpMethod method;
  std::string_view pattern;
};

// Gives the index of the first pattern that fits, and fills parameters. One '/' at the end of path makes no difference.
// Errors: kInvalidArgument "Invalid request URL" (no such path, ".." in it, broken percent-encoding), kInvalidArgument
// (version beyond 64 bits), kMethodNotAllowed "Unsupported method" (path known, but not with this method, or a method
// that no path has). Allocates only for percent-encoded names.
Result<std::size_t> find_route(std::span<const RoutePattern> patterns, transport::HttpMethod method,
                               std::string_view path, RouteParameters& parameters);

}  // namespace ocelli::rest
