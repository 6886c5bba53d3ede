#include "tensor/byte_budget.hpp"

#include <fmt/format.h>

namespace ocelli {

Status ByteBudget::refusal(std::size_t bytes) const {
  return {
      StatusCode::kResourceExhausted,
      fmt::format("Too many request bodies are in memory. Limit: {} bytes; In use: {} bytes; Needed: {} bytes more. "
                  "Send the request again later{}{}",
                  max_bytes_, taken(), bytes, option_.empty() ? "" : ", or start the server with a larger ", option_)};
}

}  // namespace ocelli
