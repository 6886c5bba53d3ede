#include "protocols/kserve/infer_parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <span>

#include "serving/priority_level.hpp"
#include "serving/sequence_name.hpp"

namespace ocelli::kserve {
namespace {

using json::JsonKind;
using json::JsonReader;

// Longest deadline that a client can ask for: a year. Longer ones mean the same and could overflow the clock.
constexpr std::int64_t kMaxTimeoutUs = std::int64_t{365} * 24 * 3600 * 1000000;

// A parameter's value: exactly one of these, by kind.
struct Value {
  JsonKind kind = JsonKind::kInvalid;
  std::string_view text;
  bool flag = false;
  std::optional<std::int64_t> integer;   // of a number that is one
  std::optional<std::uint64_t> natural;  // also beyond an int64
};

Status wrong_value(std::string_view name, std::string_view expected) {
  return invalid_argument(fmt::format("Invalid request parameter - Expected: {}; parameter name: {}", expected, name));
}

// Reads the value of any parameter.
Status read_value(JsonReader& reader, std::string_view name, Value& value) {
  json::JsonNumber number;
  value.kind = reader.peek();
  switch (value.kind) {
    case JsonKind::kString:
      reader.read_string(value.text);
      return {};
    case JsonKind::kBool:
      reader.read_bool(value.flag);
      return {};
    case JsonKind::kNumber:
      if (!reader.read_number(number)) return {};
      value.integer = json::to_int64(number);
      value.natural = json::to_uint64(number);
      return {};
    case JsonKind::kNull:
      reader.read_null();
      return {};
    case JsonKind::kInvalid:
      reader.skip();
      return {};
    default:
      break;
  }
  return wrong_value(name, "a string, a boolean or a number");
}

// Calls use(name, value) for each member of the object. What is null was left out. known: names of which each may stand
// there once.
template <typename Use>
Status read_parameters(JsonReader& reader, std::span<const std::string_view> known, Use use) {
  std::uint32_t seen = 0;
  if (reader.peek() == JsonKind::kNull) {
    reader.read_null();
    return {};
  }
  if (!reader.begin_object()) return invalid_argument("Invalid request parameters - Expected: an object");
  std::string_view name;
  while (reader.next_key(name)) {
    const auto at = std::ranges::find(known, name);
    const auto bit = at == known.end() ? 0 : std::uint32_t{1} << (at - known.begin());
    if ((seen & bit) != 0)
      return invalid_argument(fmt::format("Invalid request parameter - Given twice; parameter name: {}", name));
    seen |= bit;
    Value value;
    if (auto status = read_value(reader, name, value); !status.ok() || !reader.ok()) return status;
    if (bit == 0) {
      reader.forget(value.text);
      reader.forget(name);
      continue;
    }
    if (value.kind == JsonKind::kNull) continue;
    if (auto status = use(name, value); !status.ok()) return status;
  }
  return {};
}

Status set_flag(std::string_view name, const Value& value, bool& flag) {
  if (value.kind != JsonKind::kBool) return wrong_value(name, "a boolean");
  flag = value.flag;
  return {};
}

Status set_natural(std::string_view name, const Value& value, std::uint64_t& natural) {
  if (!value.natural) return wrong_value(name, "an integer from 0");
  natural = *value.natural;
  return {};
}

// Triton's levels: 1 goes first, 0 is the default.
Status set_priority(std::string_view name, const Value& value, std::int32_t& priority) {
  if (!value.natural || *value.natural > std::numeric_limits<std::uint32_t>::max())
    return wrong_value(name, "an integer from 0 to 4294967295");
  priority = serving::priority_of_level(*value.natural);
  return {};
}

Status set_sequence(std::string_view name, const Value& value, std::uint64_t& id) {
  if (value.kind == JsonKind::kString && !value.text.empty()) {
    id = serving::sequence_id_of(value.text);
    return {};
  }
  if (!value.natural) return wrong_value(name, "an integer from 0 or a string that is not empty");
  id = *value.natural;
  return {};
}

constexpr std::uint32_t kSequenceStart = 1;
constexpr std::uint32_t kSequenceEnd = 2;

}  // namespace

Status read_request_parameters(JsonReader& reader, RequestParameters& parameters) {
  static constexpr std::array<std::string_view, 6> kKnown{"timeout",        "priority",     "sequence_id",
                                                          "sequence_start", "sequence_end", "binary_data_output"};
  bool start = false;
  bool end = false;
  auto status = read_parameters(reader, kKnown, [&](std::string_view name, const Value& value) -> Status {
    if (name == "timeout") {
      if (!value.integer || *value.integer < 0) return wrong_value(name, "microseconds from 0");
      parameters.timeout_us = std::min(*value.integer, kMaxTimeoutUs);
      return {};
    }
    if (name == "priority") return set_priority(name, value, parameters.priority);
    if (name == "sequence_id") return set_sequence(name, value, parameters.sequence.id);
    if (name == "sequence_start") return set_flag(name, value, start);
    if (name == "sequence_end") return set_flag(name, value, end);
    if (name == "binary_data_output") return set_flag(name, value, parameters.binary_output);
    return {};
  });
  parameters.sequence.control = (start ? kSequenceStart : 0) | (end ? kSequenceEnd : 0);
  return status;
}

Status read_tensor_parameters(JsonReader& reader, TensorParameters& parameters) {
  static constexpr std::array<std::string_view, 6> kKnown{"binary_data_size",        "binary_data",
                                                          "shared_memory_region",    "shared_memory_offset",
                                                          "shared_memory_byte_size", "classification"};
  return read_parameters(reader, kKnown, [&](std::string_view name, const Value& value) -> Status {
    if (name == "binary_data_size") {
      if (value.kind == JsonKind::kString) {
        parameters.binary_sizes = value.text;
        return {};
      }
      return set_natural(name, value, parameters.binary_size.emplace());
    }
    if (name == "binary_data") return set_flag(name, value, parameters.binary_data.emplace());
    if (name == "shared_memory_region") {
      if (value.kind != JsonKind::kString) return wrong_value(name, "a string");
      parameters.region = value.text;
      return {};
    }
    if (name == "shared_memory_offset") return set_natural(name, value, parameters.region_offset);
    if (name == "shared_memory_byte_size") return set_natural(name, value, parameters.region_size.emplace());
    if (name == "classification") {
      if (!value.natural || *value.natural > std::numeric_limits<std::uint32_t>::max())
        return wrong_value(name, "an integer from 0 to 4294967295");
      parameters.classes = static_cast<std::uint32_t>(*value.natural);
    }
    return {};
  });
}

}  // namespace ocelli::kserve
