// Answering questions about a model, also about one that is still loading.
#pragma once

#include <utility>

#include "protocols/rest/rest_reply.hpp"
#include "protocols/rest/route_table.hpp"
#include "serving/model_catalog.hpp"

namespace ocelli::rest {

// Sends what write(exchange, servable) filled for the target's servable, or the error of finding it. Waits, without
// blocking, while the model is loading; write() may therefore run later, on another thread, and must not refer to the
// caller's frame.
template <typename Write>
void reply_about(serving::ModelCatalog& catalog, transport::HttpExchange& exchange, const RouteParameters& target,
                 Write write) noexcept {
  const auto answer = [&exchange, write = std::move(write)](Result<serving::ServableHandle> found) {
    reply_with(exchange, [&](transport::HttpExchange& reply) -> Status {
      return found.ok() ? write(reply, **found) : found.status();
    });
  };
  const Status status = guarded([&]() -> Status {
    auto found = catalog.find(target.name, target.version);
    if (found.ok() || found.status().code() != StatusCode::kNotLoadedYet) {
      answer(std::move(found));
    } else {
      catalog.find_when_loaded(target.name, target.version, Clock::now(), answer);
    }
    return {};
  });
  if (!status.ok()) send_error(exchange, status);
}

}  // namespace ocelli::rest
