// charge_parsing(): what a message of the control plane becomes while generated code reads it.
#pragma once

#include <cstddef>

#include "base/status.hpp"
#include "tensor/byte_charge.hpp"
#include "transport/grpc/rpc_exchange.hpp"

namespace ocelli::rpc {

// Bytes that protobuf takes, at most, for one byte on the wire: two bytes may be an empty message in a list, whose
// object has 100 to 200, or a field that nobody knows. Strings, which honest messages consist of, grow little.
inline constexpr std::size_t kParsedGrowth = 100;

// Charges the exchange's budget with what the message may become; charge gives it back. Errors: kResourceExhausted,
// the budget's refusal.
inline Status charge_parsing(const transport::RpcExchange& exchange, std::size_t message_bytes, ByteCharge& charge) {
  charge.bind(exchange.budget(), ByteBudget::kUncountedBytes);
  return charge.add(message_bytes * kParsedGrowth) ? Status() : charge.refusal();
}

}  // namespace ocelli::rpc
