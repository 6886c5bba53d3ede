// UnaryInference: a job that answers one unary RPC.
#pragma once

#include "protocols/handoff/object_pool.hpp"
#include "protocols/rpc/inference_job.hpp"

namespace ocelli::rpc {

class UnaryInference final : public InferenceJob, private transport::CancelListener {
 public:
  using Pool = handoff::ObjectPool<UnaryInference>;
  // home: the pool that it returns to.
  UnaryInference(const InferenceServices& services, std::unique_ptr<InferenceMessage> message, Pool& home)
      : InferenceJob(services, std::move(message)), home_(home) {}

  // Answers the exchange, now or later.
  void handle(transport::RpcExchange& exchange) noexcept;

 private:
  void on_client_gone() noexcept override { cancel(); }
  void on_done(Status status) noexcept override;

  Pool& home_;
  transport::RpcExchange* exchange_ = nullptr;
};

}  // namespace ocelli::rpc
