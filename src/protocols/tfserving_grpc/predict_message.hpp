// PredictMessage: Predict's request and reply.
#pragma once

#include <vector>

#include "protocols/rpc/inference_message.hpp"
#include "protocols/tfserving_grpc/predict_request.hpp"
#include "protocols/tfserving_grpc/tensor_proto.hpp"

namespace ocelli::tfserving_grpc {

class PredictMessage final : public rpc::InferenceMessage {
 public:
  [[nodiscard]] observability::Method method() const noexcept override { return observability::Method::kPredict; }
  Status parse(wire::Bytes message) override { return request_.parse(message); }
  void parse_head(wire::Bytes message) override { request_.parse_head(message); }
  void clear() noexcept override { request_.clear(); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept override { return request_.memory_bytes(); }
  [[nodiscard]] std::string_view model() const noexcept override { return request_.model_name; }
  [[nodiscard]] std::optional<std::int64_t> version() const noexcept override { return request_.version; }
  Status fill(serving::InferenceCall& call, const rpc::FillContext& context) override;
  Status write_reply(const serving::InferenceCall& call, transport::ReplyBody& reply, ChargedPool pool) override;

 private:
  struct Output {
    std::string_view name;
    TensorProtoWriter tensor;
  };
  Status prepare_outputs(const serving::InferenceCall& call, BufferPool& pool);

  PredictRequest request_;
  std::vector<Output> outputs_;  // kept for its capacity
};

}  // namespace ocelli::tfserving_grpc
