// The "parameters" objects of a KServe v2 request.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/status.hpp"
#include "protocols/json/json_reader.hpp"
#include "serving/inference_call.hpp"

namespace ocelli::kserve {

// Of the whole request.
struct RequestParameters {
  std::int64_t timeout_us = 0;  // 0: none
  std::int32_t priority = 0;
  serving::SequenceControl sequence;
  bool binary_output = false;
};

// Of one input or output.
struct TensorParameters {
  std::optional<std::uint64_t> binary_size;
  // Comma-separated sizes of pictures without length prefixes: how clients wrote binary_data_size in 2022.
  std::optional<std::string_view> binary_sizes;
  std::optional<bool> binary_data;
  std::optional<std::string_view> region;
  std::uint64_t region_offset = 0;
  std::optional<std::uint64_t> region_size;
  std::uint32_t classes = 0;  // classification; 0: none
};

// Both read one object at reader's place. Members that are null count as left out, and so does a null in the object's
// place. Unknown names are passed over, but must be strings, booleans or numbers, as all parameters; others may be
// given once. A false
// reader.ok() with an OK status means that the text is at fault. Errors: kInvalidArgument naming the parameter.
Status read_request_parameters(json::JsonReader& reader, RequestParameters& parameters);
Status read_tensor_parameters(json::JsonReader& reader, TensorParameters& parameters);

}  // namespace ocelli::kserve
