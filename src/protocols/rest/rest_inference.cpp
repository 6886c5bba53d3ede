#include "protocols/rest/rest_inference.hpp"

#include <new>
#include <utility>

#include "protocols/rest/rest_reply.hpp"
#include "serving/servable.hpp"

namespace ocelli::rest {
namespace {

// Tensors of this size make some 100 KB of text, which takes a quarter of a millisecond to write: a hundred times what
// handing it to another thread takes.
constexpr std::size_t kLongTextBytes = std::size_t{32} * 1024;

// A text of this size takes a tenth of a millisecond to read, many times what handing it to another thread takes; one
// that fills the largest body takes seconds, in which a connection's thread would answer nobody.
constexpr std::size_t kLongRequestBytes = std::size_t{128} * 1024;

Status cancelled_status() { return {StatusCode::kCancelled, "Request was cancelled"}; }

}  // namespace

void RestInference::start(transport::HttpExchange& exchange, std::string_view name,
                          std::optional<std::int64_t> version) noexcept {
  exchange_ = &exchange;
  version_ = version;
  handed_over_ = false;
  decoded_.bind(exchange.budget(), ByteBudget::kUncountedBytes);
  call().charge.bind(exchange.budget(), ByteBudget::kUncountedBytes);
  state_.store(kBusy, std::memory_order_release);
  Status status = guarded([&]() -> Status {
    name_ = name;
    return {};
  });
  if (status.ok() && left_to_reader(status, [this] { read(); })) return;
  if (!status.ok()) return refuse(std::move(status));
  read();
}

// Before it was read; it counts where it names a servable.
void RestInference::refuse(Status status) noexcept {
  auto found = services_.catalog.find(name_, version_);
  if (found.ok()) call().servable = std::move(found).value();
  finish(std::move(status));
}

// Whether another thread goes on. A failure means that there are too many others.
template <typename Step>
bool RestInference::left_to_reader(Status& status, Step step) noexcept {
  if (!services_.readers || request_text_bytes(*exchange_) < kLongRequestBytes) return false;
  status = guarded([&]() -> Status {
    if (services_.readers->submit(std::move(step))) return {};
    return {StatusCode::kResourceExhausted, "Too many long requests are waiting to be read"};
  });
  return status.ok();
}

void RestInference::read() noexcept {
  const Status status = charged([&] { return begin(); });
  if (!status.ok()) return refuse(status);
  auto found = services_.catalog.find(name_, version_);
  if (found.ok() || found.status().code() != StatusCode::kNotLoadedYet) return resolved(std::move(found));
  // From now on: received is when the head came, and a long body may come slowly.
  services_.catalog.find_when_loaded(name_, version_, Clock::now(),
                                     [this](Result<serving::ServableHandle> later) { loaded(std::move(later)); });
}

// On the one thread that tells all who wait for models: what still has to be read of a long text is read elsewhere.
void RestInference::loaded(Result<serving::ServableHandle> found) noexcept {
  if (!found.ok()) return resolved(std::move(found));
  call().servable = std::move(found).value();
  Status status;
  if (left_to_reader(status, [this] { resolved(std::move(call().servable)); })) return;
  if (!status.ok()) return finish(std::move(status));
  resolved(std::move(call().servable));
}

// A step that ran out of memory: of the system's, or of what is left for requests.
template <typename Step>
Status RestInference::charged(Step&& step) noexcept {
  auto status = guarded(std::forward<Step>(step));
  return decoded_.refused() ? decoded_.refusal() : status;
}

Status RestInference::begin() {
  auto& call = this->call();
  call.times.received = exchange_->request().received;
  call.completion = this;
  exchange_->set_cancel_listener(this);
  if (state_.load(std::memory_order_acquire) & kGone) return cancelled_status();
  return parse(*exchange_);
}

void RestInference::resolved(Result<serving::ServableHandle> found) noexcept {
  const Status status = charged([&] { return submit(std::move(found)); });
  if (!status.ok()) return finish(status);
  leave_servable();
}

Status RestInference::submit(Result<serving::ServableHandle> found) {
  if (!found.ok()) return lookup_error(found.status());
  auto& call = this->call();
  call.servable = std::move(found).value();
  if (auto status = fill(*exchange_); !status.ok()) return status;
  if (!decoded_.add(serving::text_object_bytes(call))) return decoded_.refusal();
  if (state_.load(std::memory_order_acquire) & kGone) return cancelled_status();
  handed_over_ = true;
  call.servable->infer(call);
  return {};
}

// The thread that was inside the servable does what others left to it meanwhile, then steps back.
void RestInference::leave_servable() noexcept {
  auto state = state_.load(std::memory_order_acquire);
  for (;;) {
    if (state & kDone) return finish(std::move(call().status));
    if ((state & kGone) && !(state & kToldGone)) {
      state_.fetch_or(kToldGone, std::memory_order_acq_rel);
      call().servable->cancel(call());
      state = state_.load(std::memory_order_acquire);
      continue;
    }
    const auto next = static_cast<std::uint8_t>(state & ~kBusy);
    if (state_.compare_exchange_weak(state, next, std::memory_order_acq_rel)) return;
  }
}

void RestInference::on_call_done(serving::InferenceCall&) noexcept {
  if (state_.fetch_or(kDone, std::memory_order_acq_rel) & kBusy) return;
  finish(std::move(call().status));
}

void RestInference::on_client_gone() noexcept {
  auto state = state_.load(std::memory_order_acquire);
  for (;;) {
    if (state & (kDone | kGone)) return;
    const auto next = static_cast<std::uint8_t>(state | kGone | kBusy);
    if (state_.compare_exchange_weak(state, next, std::memory_order_acq_rel)) break;
  }
  if (!(state & kBusy)) leave_servable();
}

void RestInference::finish(Status status) noexcept {
  // Nobody may begin to cancel from here on.
  state_.fetch_or(kDone, std::memory_order_acq_rel);
  if (status.ok() && left_to_writer()) return;
  reply(std::move(status));
}

// Of tensors in the reply that are compressed when it is sent.
std::size_t RestInference::compressible_bytes() noexcept {
  if (!exchange_->asks_for_coding()) return 0;
  std::size_t bytes = 0;
  for (const auto& output : call().outputs) bytes += output.tensor.view.bytes;
  return bytes;
}

bool RestInference::left_to_writer() noexcept {
  if (!services_.writers || text_bytes() + compressible_bytes() < kLongTextBytes) return false;
  try {
    return services_.writers->submit([this] { reply({}); });
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void RestInference::reply(Status status) noexcept {
  auto& exchange = *exchange_;
  auto& call = this->call();
  if (status.code() == StatusCode::kCancelled && call.deadline <= Clock::now()) {
    status = Status(StatusCode::kDeadlineExceeded, "Deadline exceeded before the request was answered");
  }
  if (status.ok()) status = charged([&] { return write(exchange); });
  if (call.servable) {
    const auto took = Clock::now() - exchange.request().received;
    auto& metrics = call.servable->metrics();
    if (!handed_over_) metrics.request_refused(took);
    metrics.request_done(method_, observability::Interface::kRest, status, took);
  }
  clear();
  decoded_.clear();
  if (status.ok()) {
    exchange.send();
  } else {
    send_error(exchange, status);
  }
  recycle();
}

}  // namespace ocelli::rest
