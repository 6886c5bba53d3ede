// InferRequest: one KServe v2 inference over REST, from its bytes to the call that the servable answers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/recycle.hpp"
#include "base/status.hpp"
#include "protocols/json/json_reader.hpp"
#include "serving/inference_call.hpp"
#include "tensor/charged_pool.hpp"
#include "transport/shared_memory/shared_memory_registry.hpp"

namespace ocelli::kserve {

// How the client wants one of the outputs that it named; stands at the same index as in InferenceCall::requested.
struct OutputFormat {
  bool binary = false;
  bool binary_given = false;  // this output said so itself
  // Shared memory; empty: none.
  std::string_view region;
  std::uint64_t region_offset = 0;
  std::uint32_t classes = 0;  // how many of its largest values are answered instead of it; 0: it is answered itself
};

// Reusable: clear() keeps the vectors' usual capacity. Views point into the request's body or into texts.
struct InferRequest {
  // Inputs, and named outputs, of one request; more are refused: each costs many times its text.
  static constexpr std::size_t kMaxTensors = 4096;

  serving::InferenceCall call;
  std::optional<std::string_view> id;
  std::vector<OutputFormat> formats;
  // Whether outputs are answered in binary form where the client names none of them (binary_data_output).
  bool binary_outputs = false;
  // The body is the bytes of the model's only input (raw_request.hpp): inputs are filled when the model is known.
  bool raw = false;
  json::TextStore texts;

  // Ready for the next request.
  void clear() noexcept {
    call.clear();
    id.reset();
    recycle(formats);
    binary_outputs = raw = false;
    texts.clear();
  }
};

// The bytes of a request as the transport has them.
struct InferBody {
  std::span<const std::byte> bytes;
  BufferRef owner;
  // Value of Inference-Header-Content-Length: how many of the bytes are JSON. Empty: all of them.
  std::optional<std::string_view> json_length;
  TimePoint received{};
};

// Fills request (cleared before) except call.servable and call.completion. Binary tensors and shared memory are used in
// place; only tensors that do not lie on their element's boundary are copied, into buffers of pool, as are numbers from
// JSON. regions may be null: no shared memory. Does not know the model: names, shapes and types are checked by the
// servable, which also tells of inputs with too many or too few values in JSON (CallInput::fault). A body without JSON
// (json_length "0") only sets request.raw. Errors: kInvalidArgument, kFailedPrecondition (not JSON), kNotFound (shared
// memory region). Thread-safe for different requests.
Status parse_infer_request(const InferBody& body, ChargedPool pool, const transport::SharedMemoryRegistry* regions,
                           InferRequest& request);

}  // namespace ocelli::kserve
