#include "protocols/admin/admin_endpoints.hpp"

#include <fmt/format.h>

#include <utility>

#include "protocols/admin/admin_request.hpp"
#include "protocols/admin/config_json.hpp"
#include "protocols/admin/settings_json.hpp"
#include "protocols/rest/rest_reply.hpp"

namespace ocelli::admin {
namespace {

using transport::HttpExchange;

std::string_view body_of(const HttpExchange& exchange) noexcept {
  const auto& body = exchange.request().body;
  return {reinterpret_cast<const char*>(body.data()), body.size()};
}

// What parse makes of a body that is read on a network thread: a register, a setting or a filter is short.
template <typename Parse>
auto read_short_body(const HttpExchange& exchange, Parse parse) -> decltype(parse(std::string_view())) {
  const auto body = body_of(exchange);
  if (body.size() <= AdminEndpoints::kMaxShortBody) return parse(body);
  return Status(StatusCode::kPayloadTooLarge, fmt::format("The request body has {} bytes; this path takes at most {}",
                                                          body.size(), AdminEndpoints::kMaxShortBody));
}

// Has write(exchange) done in the background and sends its reply.
template <typename Write>
void reply_in_background(ThreadPool& background, HttpExchange& exchange, Write write) noexcept {
  const Status status = rest::guarded([&]() -> Status {
    const bool accepted =
        background.submit([&exchange, write = std::move(write)] { rest::reply_with(exchange, write); });
    return accepted ? Status() : Status(StatusCode::kResourceExhausted, "Too many administrative requests are waiting");
  });
  if (!status.ok()) rest::send_error(exchange, status);
}

Status no_shared_memory() { return unimplemented("Shared memory is not offered by this server"); }

}  // namespace

void AdminEndpoints::config_status(HttpExchange& exchange) noexcept {
  rest::reply_with(exchange, [this](HttpExchange& reply) -> Status {
    append_config_status(reply.body.text(), services_.catalog.all_statuses());
    return {};
  });
}

void AdminEndpoints::config_reload(HttpExchange& exchange) noexcept {
  constexpr int kCreated = 201;
  reply_in_background(services_.background, exchange, [this](HttpExchange& reply) -> Status {
    const auto outcome = services_.catalog.reload();
    if (!outcome.ok()) {
      reply.status = http_status(outcome.status().code());
      append_reload_error(reply.body.text(), outcome.status());
      return {};
    }
    if (*outcome == serving::ReloadOutcome::kReloaded) reply.status = kCreated;
    append_config_status(reply.body.text(), services_.catalog.all_statuses());
    return {};
  });
}

void AdminEndpoints::model_list(HttpExchange& exchange) noexcept {
  rest::reply_with(exchange, [this](HttpExchange& reply) -> Status {
    const auto created = std::chrono::duration_cast<std::chrono::seconds>(started_.time_since_epoch()).count();
    append_model_list(reply.body.text(), services_.catalog.all_statuses(), created);
    return {};
  });
}

void AdminEndpoints::log_settings(HttpExchange& exchange) noexcept {
  rest::reply_with(exchange, [this](HttpExchange& reply) -> Status {
    if (!services_.log) return unimplemented("Log settings are not offered by this server");
    if (reply.request().method == transport::HttpMethod::kPost) {
      const auto wanted = read_short_body(reply, parse_settings);
      if (!wanted.ok()) return wanted.status();
      if (auto status = settings::update_log(*services_.log, *wanted); !status.ok()) return status;
    }
    append_settings(reply.body.text(), settings::log_settings(*services_.log));
    return {};
  });
}

void AdminEndpoints::trace_settings(HttpExchange& exchange, const rest::RouteParameters& target) noexcept {
  rest::reply_with(exchange, [&](HttpExchange& reply) -> Status {
    if (!target.name.empty()) {
      if (const auto model = services_.catalog.status(target.name, target.version); !model.ok()) return model.status();
    }
    if (reply.request().method == transport::HttpMethod::kPost) {
      const auto wanted = read_short_body(reply, parse_settings);
      if (!wanted.ok()) return wanted.status();
      if (auto status = settings::update_trace(*wanted); !status.ok()) return status;
    }
    append_settings(reply.body.text(), settings::trace_settings());
    return {};
  });
}

void AdminEndpoints::metrics(HttpExchange& exchange) noexcept {
  rest::reply_with(exchange, [this](HttpExchange& reply) -> Status {
    auto page = services_.render_metrics ? services_.render_metrics() : std::nullopt;
    if (!page) return invalid_argument("Invalid request URL");
    reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
    reply.body.text() = std::move(*page);
    return {};
  });
}

void AdminEndpoints::repository_index(HttpExchange& exchange) noexcept {
  rest::reply_with(exchange, [this](HttpExchange& reply) -> Status {
    const auto only_ready = read_short_body(reply, parse_index);
    if (!only_ready.ok()) return only_ready.status();
    append_repository_index(reply.body.text(), services_.catalog.all_statuses(), *only_ready);
    return {};
  });
}

void AdminEndpoints::repository_load(HttpExchange& exchange, const rest::RouteParameters& target) noexcept {
  reply_in_background(services_.background, exchange,
                      [this, name = std::string(target.name)](HttpExchange& reply) -> Status {
                        json::TextStore texts;
                        const auto sent = parse_load(body_of(reply), texts);
                        if (!sent.ok()) return sent.status();
                        return services_.catalog.load(name, *sent);
                      });
}

void AdminEndpoints::repository_unload(HttpExchange& exchange, const rest::RouteParameters& target) noexcept {
  reply_in_background(services_.background, exchange,
                      [this, name = std::string(target.name)](HttpExchange& reply) -> Status {
                        if (auto status = check_body(body_of(reply)); !status.ok()) return status;
                        return services_.catalog.unload(name);
                      });
}

void AdminEndpoints::shared_memory_status(HttpExchange& exchange, const rest::RouteParameters& target) noexcept {
  rest::reply_with(exchange, [&](HttpExchange& reply) -> Status {
    if (!services_.shared_memory) return no_shared_memory();
    const auto regions = services_.shared_memory->status(target.name);
    if (!regions.ok()) return regions.status();
    append_shared_memory_status(reply.body.text(), *regions);
    return {};
  });
}

void AdminEndpoints::shared_memory_register(HttpExchange& exchange, const rest::RouteParameters& target) noexcept {
  rest::reply_with(exchange, [&](HttpExchange& reply) -> Status {
    if (!services_.shared_memory) return no_shared_memory();
    const auto request = read_short_body(reply, parse_register);
    if (!request.ok()) return request.status();
    return services_.shared_memory->register_region(target.name, request->key, request->offset, request->byte_size);
  });
}

void AdminEndpoints::shared_memory_unregister(HttpExchange& exchange, const rest::RouteParameters& target) noexcept {
  rest::reply_with(exchange, [&](HttpExchange&) -> Status {
    if (!services_.shared_memory) return no_shared_memory();
    if (target.name.empty()) {
      services_.shared_memory->unregister_all();
    } else {
      services_.shared_memory->unregister(target.name);
    }
    return {};
  });
}

void AdminEndpoints::cuda_memory_status(HttpExchange& exchange) noexcept {
  rest::reply_with(exchange, [](HttpExchange& reply) -> Status {
    reply.body.text().append("[]");
    return {};
  });
}

void AdminEndpoints::cuda_memory_register(HttpExchange& exchange) noexcept {
  rest::send_error(
      exchange,
      unimplemented("CUDA shared memory is not offered by this server; use system shared memory or binary data"));
}

void AdminEndpoints::cuda_memory_unregister(HttpExchange& exchange) noexcept { exchange.send(); }

}  // namespace ocelli::admin
