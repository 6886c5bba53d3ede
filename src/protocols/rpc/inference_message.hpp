// InferenceMessage: one protocol's form of an inference request and its reply.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/status.hpp"
#include "observability/servable_metrics.hpp"
#include "protocols/wire/wire_reader.hpp"
#include "serving/inference_call.hpp"
#include "tensor/charged_pool.hpp"
#include "transport/body.hpp"

namespace ocelli::transport {
class SharedMemoryRegistry;
}

namespace ocelli::rpc {

// What fill() may draw on.
struct FillContext {
  BufferRef message;                                     // keeps the request's bytes alive
  ChargedPool pool;                                      // for what the request becomes
  const transport::SharedMemoryRegistry* shared_memory;  // null: clients cannot use shared memory
};

// What parse_head() looks at: fields of a message, and bytes of a name in it. It runs on network threads.
inline constexpr int kMaxHeadFields = 16;
inline constexpr std::size_t kMaxHeadName = 4096;

// Reusable: parse() forgets the request before. Views that it hands out point into the message's bytes. Not
// thread-safe.
class InferenceMessage {
 public:
  virtual ~InferenceMessage() = default;

  // The method whose counters this request belongs to.
  [[nodiscard]] virtual observability::Method method() const noexcept = 0;
  // Walks the request. Errors: kInvalidArgument for whatever can be seen without the model; model() and version() then
  // say what was found of them.
  virtual Status parse(wire::Bytes message) = 0;
  // Instead of parse(), of a message that is refused unread: what model() and version() say, and what its answer names,
  // as far as its first fields tell. In a time that does not depend on the message.
  virtual void parse_head(wire::Bytes message) = 0;
  // Forgets the request, before its bytes go; what an unusually large one made it keep, too.
  virtual void clear() noexcept = 0;
  // What parse() took for itself.
  [[nodiscard]] virtual std::size_t memory_bytes() const noexcept = 0;
  [[nodiscard]] virtual std::string_view model() const noexcept = 0;
  // Empty: the server's choice.
  [[nodiscard]] virtual std::optional<std::int64_t> version() const noexcept = 0;
  // Turns what parse() found into inputs, requested outputs and settings of the call, whose servable is known. The
  // call's deadline may become earlier. Errors: kInvalidArgument, kNotFound (shared memory), kResourceExhausted.
  virtual Status fill(serving::InferenceCall& call, const FillContext& context) = 0;
  // Writes the reply to a finished call: text first, large tensors as pieces that keep their buffers. What has to be
  // made for it comes from the pool, charged where it may be much more than the outputs. Appends nothing when it fails.
  virtual Status write_reply(const serving::InferenceCall& call, transport::ReplyBody& reply, ChargedPool pool) = 0;
};

}  // namespace ocelli::rpc
