// PredictRequest: what TensorFlow Serving's PredictRequest says, as views into its wire form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "protocols/wire/wire_reader.hpp"

namespace ocelli::tfserving_grpc {

// One entry of the inputs map.
struct PredictInput {
  std::string_view name;
  wire::Bytes tensor;      // a TensorProto
  std::size_t digest = 0;  // of the name
};

// Field numbers: proto/tensorflow_serving/apis/predict.proto and model.proto.
class PredictRequest {
 public:
  // Inputs, also several of one name, and names in the output filter, of one request; more are refused.
  static constexpr std::size_t kMaxTensors = 1024;
  // Bytes of an input's name: each is compared with all others, as names may come twice.
  static constexpr std::size_t kMaxName = 4096;

  // Walks the message; views point into it. Forgets what was there before. Errors:
  // kInvalidArgument.
  Status parse(wire::Bytes message);

  // Of a message that is refused unread: the model and its version, for the model's counters, from the first 16 fields.
  // A model_spec of more than 4096 bytes is none. Forgets what was there before.
  void parse_head(wire::Bytes message);

  // Forgets the request; keeps the vectors' usual capacity.
  void clear() noexcept;
  // What the object itself takes, beyond the message that it points into.
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

  std::string_view model_name;
  std::optional<std::int64_t> version;  // empty: not given, or 0
  std::string_view signature_name;
  std::vector<PredictInput> inputs;  // the last of several with one name, as in a protobuf map
  std::vector<std::string_view> output_filter;

 private:
  Status read_model_spec(wire::Bytes message);
  Status read_input(wire::Bytes entry);

  std::size_t entries_ = 0;  // of the inputs map
};

// Where in a message the bulk begins: tensor_content, or the packed floats, of the first tensor that has any worth
// aligning. 0: none seen.
std::size_t predict_bulk_offset(wire::Bytes prefix) noexcept;

}  // namespace ocelli::tfserving_grpc
