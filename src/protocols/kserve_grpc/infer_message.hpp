// InferMessage: ModelInfer's request and reply.
#pragma once

#include <cstdint>
#include <string>

#include "protocols/kserve_grpc/infer_request.hpp"
#include "protocols/rpc/inference_message.hpp"

namespace ocelli::kserve_grpc {

class InferMessage final : public rpc::InferenceMessage {
 public:
  // streamed: the reply is wrapped in a ModelStreamInferResponse.
  explicit InferMessage(bool streamed = false) noexcept : streamed_(streamed) {}

  [[nodiscard]] observability::Method method() const noexcept override { return observability::Method::kModelInfer; }
  Status parse(wire::Bytes message) override { return request_.parse(message); }
  void parse_head(wire::Bytes message) override { request_.parse_head(message); }
  void clear() noexcept override { request_.clear(); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept override { return request_.memory_bytes(); }
  [[nodiscard]] std::string_view model() const noexcept override { return request_.model_name; }
  [[nodiscard]] std::optional<std::int64_t> version() const noexcept override { return request_.version; }
  Status fill(serving::InferenceCall& call, const rpc::FillContext& context) override;
  // The outputs as raw_output_contents, one per output in their order; empty where the bytes went to shared memory.
  Status write_reply(const serving::InferenceCall& call, transport::ReplyBody& reply, ChargedPool pool) override;

  [[nodiscard]] const InferRequest& request() const noexcept { return request_; }

 private:
  InferRequest request_;
  const bool streamed_;
};

// A ModelStreamInferResponse that says why a request failed; id is the request's own and may be empty.
void write_stream_error(std::string_view id, const Status& status, std::string& reply);

}  // namespace ocelli::kserve_grpc
