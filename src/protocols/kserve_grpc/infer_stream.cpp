#include "protocols/kserve_grpc/infer_stream.hpp"

#include <fmt/format.h>

#include <new>
#include <utility>

namespace ocelli::kserve_grpc {

rpc::InferenceJob::Sequel* StreamInference::on_handed_over() noexcept { return stream_->job_handed_over(); }
void StreamInference::on_done(Status status) noexcept { stream_->job_done(*this, std::move(status)); }

void InferStream::handle(transport::RpcExchange& exchange) noexcept {
  exchange_ = &exchange;
  waiting_.clear();
  head_ = next_ = 0;
  on_way_ = starting_ = false;
  input_ended_ = aborted_ = aborting_ = over_ = false;
  end_status_ = {};
  waiting_charge_.bind(exchange.budget(), ByteBudget::kUncountedBytes);
  exchange.set_stream_listener(this);
  exchange.set_cancel_listener(this);
}

void InferStream::on_message(transport::RpcExchange& exchange, transport::RpcMessage message) noexcept {
  Status refusal;
  bool start = false;
  {
    const std::lock_guard lock(mutex_);
    if (aborted_) return;
    refusal = keep(exchange, message);
    start = refusal.ok() && !on_way_ && !std::exchange(starting_, true);
  }
  while (start) start = go_on();
  if (!refusal.ok()) abort(std::move(refusal));
}

Status InferStream::keep(transport::RpcExchange& exchange, transport::RpcMessage& message) noexcept {
  if (auto status = charge_waiting(); !status.ok()) return status;
  try {
    waiting_.push_back(nullptr);
    waiting_.back() = &jobs_.acquire();
  } catch (const std::bad_alloc&) {
    if (!waiting_.empty() && !waiting_.back()) waiting_.pop_back();
    waiting_charge_.give_back(kWaitingBytes);
    return {StatusCode::kResourceExhausted, "Not enough memory for the request"};
  }
  auto& job = *waiting_.back();
  job.stream_ = this;
  job.done_ = false;
  job.open();
  job.take(exchange, std::move(message), Clock::now());
  return {};
}

Status InferStream::charge_waiting() {
  if (waiting_.size() - head_ == kMaxWaiting) {
    return {StatusCode::kResourceExhausted,
            fmt::format("Too many requests of one stream wait for their answers - Expected: at most {}", kMaxWaiting)};
  }
  return waiting_charge_.add(kWaitingBytes) ? Status() : waiting_charge_.refusal();
}

bool InferStream::go_on() noexcept {
  constexpr int kAtOnce = 16;
  bool over = false;
  {
    std::unique_lock lock(mutex_);
    for (int started = 0; !on_way_ && next_ < waiting_.size(); ++started) {
      if (started == kAtOnce) return true;
      on_way_ = true;
      auto* job = waiting_[next_++];
      lock.unlock();
      job->start();
      lock.lock();
    }
    starting_ = false;
    over = advance();
  }
  if (over) finish();
  return false;
}

rpc::InferenceJob::Sequel* InferStream::job_handed_over() noexcept {
  const std::lock_guard lock(mutex_);
  on_way_ = false;
  if (starting_ || next_ == waiting_.size()) return nullptr;
  starting_ = true;
  return this;
}

void InferStream::on_messages_end(transport::RpcExchange&) noexcept {
  bool over = false;
  {
    const std::lock_guard lock(mutex_);
    input_ended_ = true;
    over = advance();
  }
  if (over) finish();
}

void InferStream::job_done(StreamInference& job, Status status) noexcept {
  bool over = false;
  {
    const std::lock_guard lock(mutex_);
    job.status_ = std::move(status);
    job.done_ = true;
    over = advance();
  }
  if (over) finish();
}

void InferStream::abort(Status status) noexcept {
  std::size_t end = 0;
  {
    const std::lock_guard lock(mutex_);
    if (aborted_ || over_) return;
    aborted_ = aborting_ = true;
    end_status_ = std::move(status);
    end = waiting_.size();
  }
  // Nobody takes jobs out or puts them in while aborting_ is set.
  for (auto i = head_; i < end; ++i) waiting_[i]->cancel();
  bool over = false;
  {
    const std::lock_guard lock(mutex_);
    aborting_ = false;
    over = advance();
  }
  if (over) finish();
}

bool InferStream::advance() noexcept {
  if (aborting_) return false;
  while (head_ < waiting_.size() && waiting_[head_]->done_) {
    answer(*waiting_[head_]);
    drop_head();
  }
  if (over_ || starting_ || head_ < waiting_.size() || !(input_ended_ || aborted_)) return false;
  return over_ = true;
}

void InferStream::answer(StreamInference& job) noexcept {
  if (!aborted_) {
    auto& reply = exchange_->reply();
    if (job.status_.ok()) job.status_ = job.write_reply(reply);
    if (!job.status_.ok()) {
      reply.clear();
      const auto id = static_cast<const InferMessage&>(job.message()).request().id;
      write_stream_error(id, job.status_, reply.text());
    }
    exchange_->write();
  }
  job.end(job.status_);
  jobs_.release(job);
}

void InferStream::drop_head() noexcept {
  ++head_;
  waiting_charge_.give_back(kWaitingBytes);
  if (head_ == waiting_.size()) {
    waiting_.clear();
    head_ = next_ = 0;
  } else if (head_ >= kMaxWaiting) {
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(head_));
    next_ -= head_;
    head_ = 0;
  }
}

void InferStream::finish() noexcept {
  waiting_charge_.clear();
  exchange_->finish(end_status_);
  home_.release(*this);
}

}  // namespace ocelli::kserve_grpc
