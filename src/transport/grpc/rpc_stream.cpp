#include "transport/grpc/rpc_stream.hpp"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "transport/grpc/http2_session.hpp"

namespace ocelli::transport {

RpcStream::RpcStream(Http2Session& session)
    : session_(session),
      arrived_(session.context().budget),
      assembler_(
          session.context().options, session.context().pool,
          [this](std::span<const std::byte> head) { return session_.context().handler.bulk_offset(path_, head); },
          &arrived_),
      declared_(session.declared_budget()) {}

std::string_view RpcStream::remote() const noexcept { return session_.remote(); }
BufferPool& RpcStream::pool() noexcept { return session_.context().pool; }
const std::shared_ptr<ByteBudget>& RpcStream::budget() const noexcept { return session_.context().budget; }

void RpcStream::write() noexcept {
  auto* message = std::exchange(current_, session_.outgoing().get());
  message->stream = this;
  message->has_body = true;
  message->status = seal(*message);
  session_.submit(*message);
}

void RpcStream::finish(const Status& status) noexcept {
  const auto keep_alive = keep_alive_;  // this object and the session may go as soon as the message is submitted
  cancel_.close();
  gate_.close();
  auto* message = std::exchange(current_, nullptr);
  message->stream = this;
  message->ends_call = true;
  message->status = status;
  if (status.ok() && !progress_.streaming) {
    message->status = seal(*message);
    message->has_body = message->status.ok();
  }
  session_.submit(*message);
}

Status RpcStream::seal(OutgoingMessage& message) const noexcept {
  std::size_t bytes = message.body.size();
  const auto& options = session_.context().options;
  if (reply_encoding_ != RpcEncoding::kIdentity && bytes >= options.reply_encoding_minimum) {
    auto encoded = deflate_message(reply_encoding_, message.body, session_.context().pool);
    if (!encoded.ok()) return encoded.status();
    message.encoded = std::move(*encoded);
    message.compressed = true;
    bytes = message.encoded.bytes.size();
  }
  if (bytes > std::numeric_limits<std::uint32_t>::max())
    return internal_error(fmt::format("a reply of {} bytes does not fit a gRPC message", bytes));
  message.prefix = make_message_prefix(message.compressed, static_cast<std::uint32_t>(bytes));
  return {};
}

void RpcStream::reset() noexcept {
  id_ = 0;
  progress_ = {};
  headers_.clear();
  path_ = {};
  deadline_ = kNever;
  assembler_.reset(RpcEncoding::kIdentity);
  message_ = {};
  listener_ = nullptr;
  cancel_.reset();
  gate_.reset();
  sent_ = waiting_bytes_ = 0;
  reply_encoding_ = RpcEncoding::kIdentity;
  status_ = Status();
  bytes_in_ = bytes_out_ = 0;
}

}  // namespace ocelli::transport
