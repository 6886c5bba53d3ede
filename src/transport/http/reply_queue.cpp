#include "transport/http/reply_queue.hpp"

#include <utility>

namespace ocelli::transport {
namespace {

// Fills pieces, leaving out the first skip bytes.
class Gatherer {
 public:
  Gatherer(std::span<iovec> pieces, std::size_t skip) noexcept : pieces_(pieces), skip_(skip) {}

  void add(const void* data, std::size_t size) noexcept {
    if (size <= skip_) {
      skip_ -= size;
      return;
    }
    if (full()) return;
    const auto* start = static_cast<const char*>(data) + skip_;
    pieces_[count_++] = {const_cast<char*>(start), size - skip_};
    skip_ = 0;
  }
  [[nodiscard]] bool full() const noexcept { return count_ == pieces_.size(); }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }

 private:
  std::span<iovec> pieces_;
  std::size_t skip_;
  std::size_t count_ = 0;
};

}  // namespace

void ReplyQueue::push(ConnectionExchange& exchange) noexcept {
  exchange.next = nullptr;
  if (last_)
    last_->next = &exchange;
  else
    first_ = &exchange;
  last_ = &exchange;
  ++size_;
}

ConnectionExchange& ReplyQueue::pop() noexcept {
  auto& exchange = *first_;
  first_ = exchange.next;
  if (!first_) last_ = nullptr;
  --size_;
  return exchange;
}

void ReplyQueue::remove(ConnectionExchange& exchange) noexcept {
  ConnectionExchange* before = nullptr;
  for (auto* at = first_; at != &exchange; at = at->next) before = at;
  if (!before) {
    pop();
    return;
  }
  before->next = exchange.next;
  if (last_ == &exchange) last_ = before;
  --size_;
}

std::size_t ReplyQueue::gather(std::span<iovec> pieces) const noexcept {
  Gatherer gatherer(pieces, written_);
  for (const auto* exchange = first_; exchange && exchange->ready() && !gatherer.full(); exchange = exchange->next) {
    gatherer.add(exchange->reply_head().data(), exchange->reply_head().size());
    if (exchange->sends_body()) {
      gatherer.add(exchange->body.text().data(), exchange->body.text().size());
      for (const auto& piece : exchange->body.pieces()) gatherer.add(piece.bytes.data(), piece.bytes.size());
    }
    if (exchange->closes()) break;
  }
  return gatherer.count();
}

ConnectionExchange* ReplyQueue::take_written() noexcept {
  if (!first_ || !first_->ready() || written_ < first_->reply_size()) return nullptr;
  written_ -= first_->reply_size();
  return &pop();
}

}  // namespace ocelli::transport
