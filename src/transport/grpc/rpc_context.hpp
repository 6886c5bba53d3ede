// RpcContext: what all connections of one gRPC server share.
#pragma once

#include <memory>
#include <utility>

#include "base/log.hpp"
#include "observability/access_log.hpp"
#include "tensor/buffer_pool.hpp"
#include "tensor/byte_budget.hpp"
#include "transport/grpc/rpc_exchange.hpp"
#include "transport/grpc/rpc_options.hpp"
#include "transport/transport_counters.hpp"

namespace ocelli::transport {

// Thread-safe: options are only read, the rest is atomic or guards itself.
struct RpcContext {
  RpcContext(RpcOptions limits_and_times, RpcHandler& calls, BufferPool& buffers, observability::AccessLog* accesses,
             Log messages)
      : options(std::move(limits_and_times)),
        handler(calls),
        pool(buffers),
        access_log(accesses),
        log(std::move(messages)),
        budget(std::make_shared<ByteBudget>(options.max_total_bytes, "--grpc_memory_quota")) {}

  const RpcOptions options;
  RpcHandler& handler;
  BufferPool& pool;
  observability::AccessLog* const access_log;  // null: none
  const Log log;
  // Bytes of requests in memory, over all connections; see RpcOptions::max_total_bytes.
  const std::shared_ptr<ByteBudget> budget;
  TransportCounters counters;
};

}  // namespace ocelli::transport
