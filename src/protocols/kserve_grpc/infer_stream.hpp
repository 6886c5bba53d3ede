// InferStream: one ModelStreamInfer call, a stream of requests that are answered in their order.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "protocols/handoff/object_pool.hpp"
#include "protocols/kserve_grpc/infer_message.hpp"
#include "protocols/rpc/inference_job.hpp"
#include "tensor/byte_charge.hpp"

namespace ocelli::kserve_grpc {

class InferStream;

// One request of a stream. Idle, it belongs to its pool; else to its stream, which gives it back after its answer was
// written.
class StreamInference final : public rpc::InferenceJob {
 public:
  using Pool = handoff::ObjectPool<StreamInference>;
  StreamInference(const rpc::InferenceServices& services, std::unique_ptr<InferMessage> message)
      : InferenceJob(services, std::move(message)) {}

 private:
  friend class InferStream;
  Sequel* on_handed_over() noexcept override;
  void on_done(Status status) noexcept override;

  InferStream* stream_ = nullptr;
  bool done_ = false;
  Status status_;
};

// All requests run at once, as far as the model's queue takes them; they come to their servables in their order, and
// answers wait for their turn. A request that fails is answered with its error_message and leaves the stream open. Ends
// when the client has ended and all is answered, or when the client goes away.
class InferStream final : private transport::RpcStreamListener,
                          private transport::CancelListener,
                          private rpc::InferenceJob::Sequel {
 public:
  using Pool = handoff::ObjectPool<InferStream>;
  // Requests of one stream that may wait for their answers; one more ends the stream with RESOURCE_EXHAUSTED.
  static constexpr std::size_t kMaxWaiting = 4096;
  // What each of them takes of the server's memory for requests beside its message, from the 17th on.
  static constexpr std::size_t kWaitingBytes = 4096;

  InferStream(StreamInference::Pool& jobs, Pool& home) noexcept : jobs_(jobs), home_(home) {}
  // Takes a ModelStreamInfer call over until it ends.
  void handle(transport::RpcExchange& exchange) noexcept;

 private:
  friend class StreamInference;

  void on_message(transport::RpcExchange& exchange, transport::RpcMessage message) noexcept override;
  void on_messages_end(transport::RpcExchange& exchange) noexcept override;
  void on_client_gone() noexcept override { abort(Status(StatusCode::kCancelled, "Request was cancelled")); }
  // What has to start the next request; null: somebody is at it, or there is none.
  rpc::InferenceJob::Sequel* job_handed_over() noexcept;
  void job_done(StreamInference& job, Status status) noexcept;
  // Starts a few requests, each when the one before it has come to its servable; whether there are more. For the one
  // thread that has set starting_, which is set for as long as there are.
  bool go_on() noexcept override;

  // Stops everything; the stream ends with the status when its jobs are over.
  void abort(Status status) noexcept;
  // With the lock held. For one request more.
  Status keep(transport::RpcExchange& exchange, transport::RpcMessage& message) noexcept;
  Status charge_waiting();
  // With the lock held. Writes the answers whose turn has come; true when the stream is over (told once).
  bool advance() noexcept;
  void answer(StreamInference& job) noexcept;
  void drop_head() noexcept;
  void finish() noexcept;

  StreamInference::Pool& jobs_;
  Pool& home_;
  transport::RpcExchange* exchange_ = nullptr;

  std::mutex mutex_;
  std::vector<StreamInference*> waiting_;  // from head_ on, in the order of the requests
  std::size_t head_ = 0;
  std::size_t next_ = 0;   // the first that has not been started
  bool on_way_ = false;    // the last that was started has not come to its servable
  bool starting_ = false;  // a thread is about to start requests: the stream must stay
  bool input_ended_ = false;
  bool aborted_ = false;
  bool aborting_ = false;  // abort() is telling the jobs, which therefore must stay
  bool over_ = false;
  Status end_status_;
  ByteCharge waiting_charge_;  // of the requests that wait
};

}  // namespace ocelli::kserve_grpc
