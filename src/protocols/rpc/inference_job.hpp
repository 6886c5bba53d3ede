// InferenceJob: the way of one inference request from its message to a servable and back.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/clock.hpp"
#include "base/status.hpp"
#include "protocols/rpc/inference_message.hpp"
#include "serving/inference_call.hpp"
#include "serving/model_catalog.hpp"
#include "transport/grpc/rpc_exchange.hpp"

namespace ocelli {
class ThreadPool;
}

namespace ocelli::rpc {

// What every job works with; outlives all of them.
struct InferenceServices {
  serving::ModelCatalog& catalog;
  const transport::SharedMemoryRegistry* shared_memory = nullptr;
  // Read messages that would hold a network thread for long, and go on with a stream behind one. Null: every message is
  // read where it came.
  ThreadPool* readers = nullptr;
};

// Finds the servable (waiting while it loads), fills the call, hands it over, and tells the end exactly once. cancel()
// may come at any time from another thread: as long as some thread is inside the servable with this call, the end is
// left to that thread, so that the call is never touched after it was given back. Reusable after on_done().
class InferenceJob : private serving::CallCompletion {
 public:
  // What goes on when a job has done its part; a reader does it, where there is one.
  class Sequel {
   public:
    // Does a little; whether it is to be called again, so that others have their turn.
    virtual bool go_on() noexcept = 0;

   protected:
    ~Sequel() = default;
  };

  InferenceJob(const InferenceServices& services, std::unique_ptr<InferenceMessage> message)
      : services_(services), message_(std::move(message)) {}
  virtual ~InferenceJob() = default;
  InferenceJob(const InferenceJob&) = delete;
  InferenceJob& operator=(const InferenceJob&) = delete;

 protected:
  // Ready for a request: from here on cancel() counts.
  void open() noexcept { state_.store(kBusy, std::memory_order_release); }
  // After open(). Keeps a request of the exchange that is wholly in memory.
  void take(transport::RpcExchange& exchange, transport::RpcMessage request, TimePoint received) noexcept;
  // After take(). Begins with the request; a long one is read by another thread. on_handed_over() and then on_done()
  // follow, perhaps before this returns. Does not block.
  void start() noexcept;
  // Nobody waits for the answer any more.
  void cancel() noexcept;

  // Told once after start(), on any thread: the servable has the call, or never gets it. What starts after that comes
  // to its servable after it. Returns what is to go on when this thread is through with the job, which may be idle
  // again by then; null: nothing.
  virtual Sequel* on_handed_over() noexcept { return nullptr; }
  // Told once, on any thread, as the last thing that this object does for the request: afterwards it may be started
  // again at once. The reply to an OK status is written with write_reply() before end().
  virtual void on_done(Status status) noexcept = 0;

  // For on_done(). Writes the answer of a call that went well.
  Status write_reply(transport::ReplyBody& reply) noexcept;
  // For on_done(). Counts the request and lets go of everything it held.
  void end(const Status& status) noexcept;
  [[nodiscard]] const InferenceMessage& message() const noexcept { return *message_; }

 private:
  enum Flag : std::uint8_t {
    kBusy = 1,        // a thread is on its way into the servable, or in it
    kDone = 2,        // the servable told its completion
    kCancelled = 4,   // cancel() was called
    kToldCancel = 8,  // ... and the servable knows
  };

  void on_call_done(serving::InferenceCall& call) noexcept final;
  void read() noexcept;
  template <typename Step>
  bool left_to_reader(Status& status, Step step) noexcept;
  void loaded(Result<serving::ServableHandle> found) noexcept;
  void refuse(Status status) noexcept;
  void refuse_unread(Status status) noexcept;
  void give_up(Status status) noexcept;
  static void pass_on(const InferenceServices& services, Sequel* sequel) noexcept;
  void resolved(Result<serving::ServableHandle> found) noexcept;
  Status submit(Result<serving::ServableHandle> found);
  void leave_servable() noexcept;
  void complete(Status status) noexcept;

  const InferenceServices& services_;
  std::unique_ptr<InferenceMessage> message_;
  serving::InferenceCall call_;
  transport::RpcMessage request_;
  ByteCharge decoded_;  // what the request became beyond its message
  BufferPool* pool_ = nullptr;
  TimePoint received_{};
  std::atomic<std::uint8_t> state_{0};
  bool handed_over_ = false;  // the servable was given the call
};

}  // namespace ocelli::rpc
