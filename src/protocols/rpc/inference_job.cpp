#include "protocols/rpc/inference_job.hpp"

#include <exception>
#include <utility>

#include "base/thread_pool.hpp"
#include "serving/servable.hpp"

namespace ocelli::rpc {
namespace {

// A message of this size takes a millisecond to receive, a hundred times what handing it to another thread takes. Where
// its values stand one by one, the largest takes seconds to read, in which a network thread would answer nobody.
constexpr std::size_t kLongMessageBytes = std::size_t{4} << 20;

Status cancelled_status() { return {StatusCode::kCancelled, "Request was cancelled"}; }

// A name that is unknown for inference is reported as OVMS does: it looks for a pipeline last, and that is what it
// says.
Status inference_not_found(const Status& status) {
  if (status.code() == StatusCode::kNotFound && status.message() == "Model with requested name is not found") {
    return not_found("Pipeline with requested name is not found");
  }
  return status;
}

// Memory is the one thing that code of ours may throw about: the system's, or what is left for requests.
template <typename Function>
Status guarded(const ByteCharge& charge, Function&& function) noexcept {
  try {
    return function();
  } catch (const std::exception& error) {
    if (charge.refused()) return charge.refusal();
    return {StatusCode::kResourceExhausted, "Not enough memory for the request"};
  }
}

}  // namespace

void InferenceJob::start() noexcept {
  if (state_.load(std::memory_order_acquire) & kCancelled) return give_up(cancelled_status());
  Status status;
  if (left_to_reader(status, [this] { read(); })) return;
  if (!status.ok()) return refuse_unread(std::move(status));
  read();
}

// Whether another thread goes on. A failure means that there are too many others.
template <typename Step>
bool InferenceJob::left_to_reader(Status& status, Step step) noexcept {
  if (!services_.readers || request_.bytes.size() < kLongMessageBytes) return false;
  status = guarded(decoded_, [&]() -> Status {
    if (services_.readers->submit(std::move(step))) return {};
    return {StatusCode::kResourceExhausted, "Too many long requests are waiting to be read"};
  });
  return status.ok();
}

void InferenceJob::take(transport::RpcExchange& exchange, transport::RpcMessage request, TimePoint received) noexcept {
  request_ = std::move(request);
  decoded_.bind(exchange.budget(), ByteBudget::kUncountedBytes);
  call_.charge.bind(exchange.budget(), ByteBudget::kUncountedBytes);
  pool_ = &exchange.pool();
  received_ = received;
  call_.times.received = received;
  call_.deadline = exchange.deadline();
  call_.completion = this;
  handed_over_ = false;
}

void InferenceJob::read() noexcept {
  if (state_.load(std::memory_order_acquire) & kCancelled) return give_up(cancelled_status());
  if (auto status = guarded(decoded_, [&] { return message_->parse(request_.bytes); }); !status.ok())
    return refuse(std::move(status));
  if (!decoded_.add(message_->memory_bytes())) return refuse(decoded_.refusal());

  auto found = services_.catalog.find(message_->model(), message_->version());
  if (found.ok() || found.status().code() != StatusCode::kNotLoadedYet) return resolved(std::move(found));
  services_.catalog.find_when_loaded(message_->model(), message_->version(), received_,
                                     [this](Result<serving::ServableHandle> later) { loaded(std::move(later)); });
}

// On the one thread that tells all who wait for models: the values of a long message are read elsewhere, and what the
// stream goes on with, too.
void InferenceJob::loaded(Result<serving::ServableHandle> found) noexcept {
  if (!found.ok()) return resolved(std::move(found));
  call_.servable = std::move(found).value();
  Status status;
  if (left_to_reader(status, [this] { resolved(std::move(call_.servable)); })) return;
  if (!status.ok()) return give_up(std::move(status));
  resolved(std::move(call_.servable));
}

// A message that says nothing sensible counts all the same where it names a servable.
void InferenceJob::refuse(Status status) noexcept {
  auto found = services_.catalog.find(message_->model(), message_->version());
  if (found.ok()) call_.servable = std::move(found).value();
  give_up(std::move(status));
}

void InferenceJob::refuse_unread(Status status) noexcept {
  const auto named = guarded(decoded_, [&]() -> Status {
    message_->parse_head(request_.bytes);
    return {};
  });
  if (!named.ok()) message_->clear();
  refuse(std::move(status));
}

// Before the servable was given the call.
void InferenceJob::give_up(Status status) noexcept {
  const auto& services = services_;
  auto* sequel = on_handed_over();
  complete(std::move(status));
  pass_on(services, sequel);
}

// This thread is borrowed: it may be the one that tells all who wait for models.
void InferenceJob::pass_on(const InferenceServices& services, Sequel* sequel) noexcept {
  if (!sequel) return;
  const auto submitted = [&]() -> Status {
    const auto step = [&services, sequel] {
      if (sequel->go_on()) pass_on(services, sequel);
    };
    return services.readers && services.readers->submit(step) ? Status() : unavailable("no reader");
  };
  // Where no reader is free, a little of it is done here, and the others are looked for again.
  while (!guarded({}, submitted).ok()) {
    if (!sequel->go_on()) return;
  }
}

void InferenceJob::resolved(Result<serving::ServableHandle> found) noexcept {
  auto status = guarded(decoded_, [&] { return submit(std::move(found)); });
  const auto& services = services_;
  auto* sequel = on_handed_over();
  if (status.ok()) {
    leave_servable();
  } else {
    complete(std::move(status));
  }
  pass_on(services, sequel);
}

Status InferenceJob::submit(Result<serving::ServableHandle> found) {
  if (!found.ok()) return inference_not_found(found.status());
  call_.servable = std::move(found).value();
  const FillContext context{request_.owner, ChargedPool(*pool_, &decoded_), services_.shared_memory};
  if (auto status = message_->fill(call_, context); !status.ok()) return status;
  if (!decoded_.add(serving::text_object_bytes(call_))) return decoded_.refusal();
  if (state_.load(std::memory_order_acquire) & kCancelled) return cancelled_status();
  handed_over_ = true;
  call_.servable->infer(call_);
  return {};
}

// The thread that was inside the servable does what others left to it meanwhile, then steps back.
void InferenceJob::leave_servable() noexcept {
  auto state = state_.load(std::memory_order_acquire);
  for (;;) {
    if (state & kDone) return complete(std::move(call_.status));
    if ((state & kCancelled) && !(state & kToldCancel)) {
      state_.fetch_or(kToldCancel, std::memory_order_acq_rel);
      call_.cancelled.store(true, std::memory_order_relaxed);
      call_.servable->cancel(call_);
      state = state_.load(std::memory_order_acquire);
      continue;
    }
    if (state_.compare_exchange_weak(state, static_cast<std::uint8_t>(state & ~kBusy), std::memory_order_acq_rel))
      return;
  }
}

void InferenceJob::on_call_done(serving::InferenceCall&) noexcept {
  if (state_.fetch_or(kDone, std::memory_order_acq_rel) & kBusy) return;
  complete(std::move(call_.status));
}

void InferenceJob::cancel() noexcept {
  auto state = state_.load(std::memory_order_acquire);
  for (;;) {
    if (state & (kDone | kCancelled)) return;
    const auto next = static_cast<std::uint8_t>(state | kCancelled | kBusy);
    if (state_.compare_exchange_weak(state, next, std::memory_order_acq_rel)) break;
  }
  if (!(state & kBusy)) leave_servable();
}

void InferenceJob::complete(Status status) noexcept {
  if (status.code() == StatusCode::kCancelled && call_.deadline <= Clock::now()) {
    status = Status(StatusCode::kDeadlineExceeded, "Deadline exceeded before the request was answered");
  }
  on_done(std::move(status));
}

Status InferenceJob::write_reply(transport::ReplyBody& reply) noexcept {
  return guarded(decoded_, [&] { return message_->write_reply(call_, reply, ChargedPool(*pool_, &decoded_)); });
}

void InferenceJob::end(const Status& status) noexcept {
  if (call_.servable) {
    auto& metrics = call_.servable->metrics();
    const auto took = Clock::now() - received_;
    if (!handed_over_) metrics.request_refused(took);
    metrics.request_done(message_->method(), observability::Interface::kGrpc, status, took);
  }
  call_.clear();
  message_->clear();
  decoded_.clear();
  request_ = {};
}

}  // namespace ocelli::rpc
