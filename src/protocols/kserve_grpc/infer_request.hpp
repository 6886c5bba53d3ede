// InferRequest: what a ModelInferRequest says, as views into its wire form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "protocols/wire/wire_reader.hpp"
#include "tensor/shape.hpp"

namespace ocelli::kserve_grpc {

// A tensor's place in a registered region (the system shared memory extension). Bytes.
struct SharedMemoryPlace {
  std::string_view region;
  std::uint64_t offset = 0;
  std::uint64_t byte_size = 0;
};

// One InferInputTensor.
struct InferInput {
  std::string_view name;
  std::string_view datatype;
  Shape shape;
  wire::Bytes contents;  // an InferTensorContents message
  bool has_contents = false;
  std::optional<SharedMemoryPlace> shared_memory;
};

// One InferRequestedOutputTensor.
struct InferOutput {
  std::string_view name;
  std::optional<SharedMemoryPlace> shared_memory;
  std::uint32_t classes = 0;  // how many of its largest values are answered instead of it; 0: it is answered itself
};

// Parameters of the request that mean something to this server; others are ignored.
struct InferParameters {
  std::optional<std::uint64_t> timeout_us;
  std::uint64_t priority = 0;  // 0: not given
  std::uint64_t sequence_id = 0;
  bool sequence_start = false;
  bool sequence_end = false;
  bool empty_final_response = false;  // the stream's client wants every answer marked as final or not
};

// Field numbers: proto/inference/grpc_service.proto.
class InferRequest {
 public:
  // Tensors of one request; more are refused.
  static constexpr std::size_t kMaxTensors = 4096;

  // Walks the message; views point into it. Forgets what was there before. Errors:
  // kInvalidArgument; name and version are then those that were found, no name where the version is none.
  Status parse(wire::Bytes message);

  // Of a message that is refused unread: the model, its version and the id, for its answer and its model's counters.
  // Only the first 16 fields are looked at (serializers write them in the order of their numbers), and names of more
  // than 4096 bytes are none. Forgets what was there before.
  void parse_head(wire::Bytes message);

  // Forgets the request; keeps the vectors' usual capacity.
  void clear() noexcept;
  // What the object itself takes, beyond the message that it points into.
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

  std::string_view model_name;
  std::string_view version_text;
  std::optional<std::int64_t> version;  // empty: not given, or 0
  std::string_view id;
  InferParameters parameters;
  std::vector<InferInput> inputs;
  std::vector<InferOutput> outputs;
  std::vector<wire::Bytes> raw_contents;

 private:
  Status read_fields(wire::Bytes message);
  Status add_field(const wire::Field& field);
  Status check_contents() const;
};

// Where in a message the bulk begins: the first raw block, or the first typed block of a large input. prefix is as much
// of the message as is there. 0: none seen.
std::size_t infer_bulk_offset(wire::Bytes prefix) noexcept;

}  // namespace ocelli::kserve_grpc
