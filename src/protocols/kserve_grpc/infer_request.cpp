#include "protocols/kserve_grpc/infer_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/recycle.hpp"
#include "protocols/kserve_grpc/infer_parameter.hpp"
#include "protocols/rpc/inference_message.hpp"
#include "protocols/rpc/version_text.hpp"
#include "protocols/wire/field_head.hpp"
#include "protocols/wire/tensor_bytes.hpp"

namespace ocelli::kserve_grpc {
namespace {

using wire::Field;
using wire::malformed_message;
using wire::WireReader;
using wire::WireType;

Status too_many(std::string_view what) {
  return invalid_argument(
      fmt::format("Request has too many {} - Expected: at most {}", what, InferRequest::kMaxTensors));
}

Status add_extent(Shape& shape, std::uint64_t extent, std::string_view name) {
  if (shape.rank() == Shape::kMaxRank) {
    return invalid_argument(
        fmt::format("Invalid number of shape dimensions - Expected: at most {}; Actual: more; input name: {}",
                    Shape::kMaxRank, name));
  }
  shape.push_back(static_cast<std::int64_t>(extent));
  return {};
}

Status read_shape(const Field& field, InferInput& input) {
  if (field.type == WireType::kVarint) return add_extent(input.shape, field.value, input.name);
  if (field.type != WireType::kLength) return malformed_message();
  const auto* at = field.bytes.data();
  const auto* end = at + field.bytes.size();
  while (at != end) {
    std::uint64_t extent = 0;
    if (!wire::read_varint(at, end, extent)) return malformed_message();
    if (auto status = add_extent(input.shape, extent, input.name); !status.ok()) return status;
  }
  return {};
}

// Parameters shared_memory_region, shared_memory_byte_size and shared_memory_offset; for outputs, which give classes,
// also classification.
Status read_tensor_parameter(wire::Bytes entry, std::optional<SharedMemoryPlace>& place,
                             std::uint32_t* classes = nullptr) {
  const auto parameter = InferParameter::read(entry);
  if (!parameter) return malformed_message();
  const auto key = parameter->key();
  if (key == "classification" && classes) {
    const auto number = parameter->as_unsigned();
    if (!number.ok()) return number.status();
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
    if (number.value() > kMost)
      return invalid_argument(
          fmt::format("classification: expected an integer from 0 to {}, not {}", kMost, number.value()));
    *classes = static_cast<std::uint32_t>(number.value());
    return {};
  }
  if (!key.starts_with("shared_memory_")) return {};
  auto& known = place ? *place : place.emplace();
  if (key == "shared_memory_region") {
    const auto region = parameter->as_text();
    if (!region.ok()) return region.status();
    known.region = region.value();
    return {};
  }
  const auto number = parameter->as_unsigned();
  if (!number.ok()) return number.status();
  if (key == "shared_memory_byte_size") known.byte_size = number.value();
  if (key == "shared_memory_offset") known.offset = number.value();
  return {};
}

Status check_place(const std::optional<SharedMemoryPlace>& place, std::string_view tensor) {
  if (!place || !place->region.empty()) return {};
  return invalid_argument(
      fmt::format("Shared memory parameters without shared_memory_region; tensor name: {}", tensor));
}

Status read_input(wire::Bytes message, InferInput& input) {
  WireReader reader(message);
  Field field;
  while (reader.next(field)) {
    Status status;
    if (field.is(1, WireType::kLength)) {
      input.name = field.text();
    } else if (field.is(2, WireType::kLength)) {
      input.datatype = field.text();
    } else if (field.number == 3) {
      status = read_shape(field, input);
    } else if (field.is(4, WireType::kLength)) {
      status = read_tensor_parameter(field.bytes, input.shared_memory);
    } else if (field.is(5, WireType::kLength)) {
      if (input.has_contents)
        return invalid_argument(fmt::format("contents is given twice; input name: {}", input.name));
      input.has_contents = true;
      input.contents = field.bytes;
    }
    if (!status.ok()) return status;
  }
  if (!reader.ok()) return malformed_message();
  return check_place(input.shared_memory, input.name);
}

Status read_output(wire::Bytes message, InferOutput& output) {
  WireReader reader(message);
  Field field;
  while (reader.next(field)) {
    if (field.is(1, WireType::kLength)) output.name = field.text();
    if (!field.is(2, WireType::kLength)) continue;
    if (auto status = read_tensor_parameter(field.bytes, output.shared_memory, &output.classes); !status.ok())
      return status;
  }
  if (!reader.ok()) return malformed_message();
  if (output.classes > 0 && output.shared_memory) {
    return invalid_argument(
        fmt::format("classification and shared memory cannot be asked for together; output name: {}", output.name));
  }
  return check_place(output.shared_memory, output.name);
}

// Takes the value into the target when it is of the right kind.
template <typename T, typename Target>
Status take(Result<T> value, Target& target) {
  if (!value.ok()) return std::move(value).status();
  target = std::move(value).value();
  return {};
}

Status read_parameter(wire::Bytes entry, InferParameters& parameters) {
  const auto parameter = InferParameter::read(entry);
  if (!parameter) return malformed_message();
  const auto key = parameter->key();
  if (key == "timeout") return take(parameter->as_unsigned(), parameters.timeout_us);
  if (key == "priority") return take(parameter->as_unsigned(), parameters.priority);
  if (key == "sequence_id") return take(parameter->as_sequence_id(), parameters.sequence_id);
  if (key == "sequence_start") return take(parameter->as_bool(), parameters.sequence_start);
  if (key == "sequence_end") return take(parameter->as_bool(), parameters.sequence_end);
  if (key == "triton_enable_empty_final_response") return take(parameter->as_bool(), parameters.empty_final_response);
  return {};
}

}  // namespace

void InferRequest::clear() noexcept {
  model_name = version_text = id = {};
  version.reset();
  parameters = {};
  recycle(inputs);
  recycle(outputs);
  recycle(raw_contents);
}

std::size_t InferRequest::memory_bytes() const noexcept {
  return inputs.capacity() * sizeof(InferInput) + outputs.capacity() * sizeof(InferOutput) +
         raw_contents.capacity() * sizeof(wire::Bytes);
}

Status InferRequest::parse(wire::Bytes message) {
  clear();
  auto status = read_fields(message);
  // Also of a request that is refused for something else: it counts for the version that it names.
  auto parsed = rpc::parse_version(version_text);
  if (!parsed.ok()) {
    model_name = {};
    return status.ok() ? std::move(parsed).status() : status;
  }
  version = parsed.value();
  return status.ok() ? check_contents() : status;
}

void InferRequest::parse_head(wire::Bytes message) {
  clear();
  WireReader reader(message);
  Field field;
  for (int seen = 0; seen < rpc::kMaxHeadFields && reader.next(field); ++seen) {
    if (field.is(3, WireType::kLength)) id = field.text();
    if (field.bytes.size() > rpc::kMaxHeadName) continue;
    if (field.is(1, WireType::kLength)) model_name = field.text();
    if (field.is(2, WireType::kLength)) version_text = field.text();
  }
  auto parsed = rpc::parse_version(version_text);
  if (parsed.ok()) {
    version = parsed.value();
  } else {
    model_name = {};
  }
}

Status InferRequest::read_fields(wire::Bytes message) {
  WireReader reader(message);
  Field field;
  while (reader.next(field)) {
    if (field.number > 7) continue;
    if (field.type != WireType::kLength) return malformed_message();
    if (auto status = add_field(field); !status.ok()) return status;
  }
  return reader.ok() ? Status() : malformed_message();
}

Status InferRequest::add_field(const Field& field) {
  switch (field.number) {
    case 1:
      model_name = field.text();
      break;
    case 2:
      version_text = field.text();
      break;
    case 3:
      id = field.text();
      break;
    case 4:
      return read_parameter(field.bytes, parameters);
    case 5:
      if (inputs.size() == kMaxTensors) return too_many("inputs");
      return read_input(field.bytes, inputs.emplace_back());
    case 6:
      if (outputs.size() == kMaxTensors) return too_many("requested outputs");
      return read_output(field.bytes, outputs.emplace_back());
    case 7:
      if (raw_contents.size() == kMaxTensors) return too_many("raw_input_contents");
      raw_contents.push_back(field.bytes);
      break;
    default:
      break;
  }
  return {};
}

Status InferRequest::check_contents() const {
  if (raw_contents.empty()) return {};
  std::size_t expected = 0;
  for (const auto& input : inputs) {
    // OVMS's words, without a detail.
    if (input.has_contents) {
      return invalid_argument(
          "Passing buffers both in ModelInferRequest::InferInputTensor::contents and in "
          "ModelInferRequest::raw_input_contents is not allowed");
    }
    expected += input.shared_memory ? 0 : 1;
  }
  if (expected == raw_contents.size()) return {};
  return invalid_argument(
      fmt::format("Invalid number of raw_input_contents - Expected: {}; Actual: {}", expected, raw_contents.size()));
}

std::size_t infer_bulk_offset(wire::Bytes prefix) noexcept {
  const auto large = [](const wire::FieldHead& head) { return head.length >= wire::kSmallestBulk; };
  for (std::size_t at = 0; at < prefix.size();) {
    const auto head = wire::find_field_head(prefix, at, prefix.size(), [&](const auto& each) {
      return large(each) && (each.number == 5 || each.number == 7);
    });
    if (!head) return 0;
    if (head->number == 7) return head->payload;
    // A large input: its contents (5) hold the bulk, unless it is large for its names alone.
    const auto contents =
        wire::find_field_head(prefix, head->payload, head->next, [&](const auto& each) { return each.number == 5; });
    if (contents) {
      const auto block = wire::find_field_head(prefix, contents->payload, contents->next, large);
      return block ? block->payload : 0;
    }
    at = head->next;
  }
  return 0;
}

}  // namespace ocelli::kserve_grpc
