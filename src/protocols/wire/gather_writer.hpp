// GatherWriter: writes one message of which the large parts are referenced, not copied.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "protocols/wire/wire_writer.hpp"
#include "tensor/buffer_pool.hpp"
#include "transport/body.hpp"

namespace ocelli::wire {

// Everything before the first reference goes into the reply's text; what comes between references goes into small
// buffers of the pool. Nothing is allocated in the steady state.
class GatherWriter {
 public:
  // Payloads up to this size are copied: cheaper than one more piece for the socket.
  static constexpr std::size_t kCopiedBytes = 1024;

  GatherWriter(transport::ReplyBody& reply, BufferPool& pool) noexcept : reply_(reply), pool_(pool) {}
  // Ends the message.
  ~GatherWriter() { flush(); }
  GatherWriter(const GatherWriter&) = delete;
  GatherWriter& operator=(const GatherWriter&) = delete;

  // These append as the functions of wire_writer.hpp do; bytes() takes them as they are.
  void bytes(std::string_view text);
  // A varint without a tag.
  void varint(std::uint64_t value);
  // Tag and length; the payload comes next.
  void length_prefix(std::uint32_t number, std::size_t payload) {
    varint(tag_of(number, WireType::kLength));
    varint(payload);
  }
  // A whole text field; empty text is left out.
  void text(std::uint32_t number, std::string_view value) {
    if (value.empty()) return;
    length_prefix(number, value.size());
    bytes(value);
  }
  void integer(std::uint32_t number, std::uint64_t value) {
    if (value == 0) return;
    varint(tag_of(number, WireType::kVarint));
    varint(value);
  }
  // The payload itself, by reference when it is large. owner keeps it alive until the reply is sent.
  void payload(Bytes payload, const BufferRef& owner);

 private:
  void flush();

  transport::ReplyBody& reply_;
  BufferPool& pool_;
  bool referenced_ = false;  // text() is closed
  BufferRef small_;          // bytes between references
  std::size_t begin_ = 0;    // of the run that is not yet a piece
  std::size_t end_ = 0;
};

}  // namespace ocelli::wire
