// RestInference: the way of one prediction over REST, from its exchange to a servable and back.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.hpp"
#include "observability/servable_metrics.hpp"
#include "protocols/rest/rest_services.hpp"
#include "serving/inference_call.hpp"
#include "tensor/charged_pool.hpp"
#include "transport/http/http_exchange.hpp"

namespace ocelli::rest {

// Finds the servable (waiting while it loads), fills the call, hands it over, writes the reply and sends it: exactly
// one reply, on whatever thread. A long text is read by RestServices::readers and written by RestServices::writers, so
// that the threads of connections and of the runtime, which others wait for, do not do it. When the client goes away
// the call is cancelled. While some thread is inside the servable with the call, the end is left to that thread, so
// that the call is never touched after it was given back. Reusable after recycle().
class RestInference : private serving::CallCompletion, private transport::CancelListener {
 public:
  virtual ~RestInference() = default;
  RestInference(const RestInference&) = delete;
  RestInference& operator=(const RestInference&) = delete;

 protected:
  // services must outlive this object.
  RestInference(const RestServices& services, observability::Method method) : services_(services), method_(method) {}

  // Begins; does not block. What the request's own bytes make impossible counts for the servable too, if there is one.
  // name need not outlive the call. recycle() may have been called when this returns.
  void start(transport::HttpExchange& exchange, std::string_view name, std::optional<std::int64_t> version) noexcept;

  // The steps that protocols differ in. What the servable has no part in, done before it is looked for.
  virtual Status parse(transport::HttpExchange&) { return {}; }
  // Bytes of the request that parse() and fill() read as text.
  [[nodiscard]] virtual std::size_t request_text_bytes(const transport::HttpExchange& exchange) noexcept = 0;
  // Completes call(), whose servable is known now.
  virtual Status fill(transport::HttpExchange&) { return {}; }
  // Writes the answer of call(), which went well, into the exchange.
  virtual Status write(transport::HttpExchange& exchange) = 0;
  // Bytes of tensors that write() turns into text.
  [[nodiscard]] virtual std::size_t text_bytes() noexcept = 0;
  // The text of an error in finding the servable.
  virtual Status lookup_error(const Status& status) { return status; }
  // Lets go of everything that belongs to the request, before its reply is sent.
  virtual void clear() noexcept = 0;
  // The last thing: this object may be started again from within.
  virtual void recycle() noexcept = 0;
  virtual serving::InferenceCall& call() noexcept = 0;

  // For parse() and fill(): where memory for what the request becomes is taken from, charged to it.
  [[nodiscard]] ChargedPool decoding_pool() noexcept { return {exchange_->pool(), &decoded_}; }

  const RestServices& services_;

 private:
  enum Flag : std::uint8_t {
    kBusy = 1,      // a thread is on its way into the servable, or in it
    kDone = 2,      // the servable told its completion
    kGone = 4,      // the client went away
    kToldGone = 8,  // ... and the servable knows
  };

  void on_call_done(serving::InferenceCall& call) noexcept final;
  void on_client_gone() noexcept final;
  template <typename Step>
  Status charged(Step&& step) noexcept;
  template <typename Step>
  bool left_to_reader(Status& status, Step step) noexcept;
  void refuse(Status status) noexcept;
  void loaded(Result<serving::ServableHandle> found) noexcept;
  void read() noexcept;
  Status begin();
  void resolved(Result<serving::ServableHandle> found) noexcept;
  Status submit(Result<serving::ServableHandle> found);
  void leave_servable() noexcept;
  void finish(Status status) noexcept;
  std::size_t compressible_bytes() noexcept;
  bool left_to_writer() noexcept;
  void reply(Status status) noexcept;

  const observability::Method method_;
  transport::HttpExchange* exchange_ = nullptr;
  ByteCharge decoded_;  // what the request became beyond its body
  std::string name_;
  std::optional<std::int64_t> version_;
  std::atomic<std::uint8_t> state_{0};
  bool handed_over_ = false;  // the servable was given the call
};

}  // namespace ocelli::rest
