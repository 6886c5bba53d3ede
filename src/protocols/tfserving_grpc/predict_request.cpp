#include "protocols/tfserving_grpc/predict_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/recycle.hpp"
#include "protocols/rpc/inference_message.hpp"
#include "protocols/wire/field_head.hpp"
#include "protocols/wire/tensor_bytes.hpp"

namespace ocelli::tfserving_grpc {
namespace {

using wire::Field;
using wire::malformed_message;
using wire::WireReader;
using wire::WireType;

Status too_many(std::string_view what) {
  return invalid_argument(
      fmt::format("Request has too many {} - Expected: at most {}", what, PredictRequest::kMaxTensors));
}

}  // namespace

void PredictRequest::clear() noexcept {
  model_name = signature_name = {};
  version.reset();
  entries_ = 0;
  recycle(inputs);
  recycle(output_filter);
}

std::size_t PredictRequest::memory_bytes() const noexcept {
  return inputs.capacity() * sizeof(PredictInput) + output_filter.capacity() * sizeof(std::string_view);
}

Status PredictRequest::parse(wire::Bytes message) {
  clear();
  bool has_spec = false;
  WireReader reader(message);
  Field field;
  while (reader.next(field)) {
    if (field.number > 3) continue;
    if (field.type != WireType::kLength) return malformed_message();
    Status status;
    if (field.number == 1) {
      has_spec = true;
      status = read_model_spec(field.bytes);
    } else if (field.number == 2) {
      status = read_input(field.bytes);
    } else if (output_filter.size() == kMaxTensors) {
      status = too_many("names in output_filter");
    } else {
      output_filter.push_back(field.text());
    }
    if (!status.ok()) return status;
  }
  if (!reader.ok()) return malformed_message();
  return has_spec ? Status() : invalid_argument("model_spec missing in request");
}

void PredictRequest::parse_head(wire::Bytes message) {
  clear();
  WireReader reader(message);
  Field field;
  for (int seen = 0; seen < rpc::kMaxHeadFields && reader.next(field); ++seen) {
    if (!field.is(1, WireType::kLength) || field.bytes.size() > rpc::kMaxHeadName) continue;
    if (!read_model_spec(field.bytes).ok()) return clear();
  }
}

Status PredictRequest::read_model_spec(wire::Bytes message) {
  WireReader reader(message);
  Field field;
  while (reader.next(field)) {
    if (field.is(1, WireType::kLength)) model_name = field.text();
    if (field.is(3, WireType::kLength)) signature_name = field.text();
    if (!field.is(2, WireType::kLength)) continue;
    // google.protobuf.Int64Value; an empty one is 0, the server's choice. Labels (4) are read and ignored, as OVMS
    // does.
    version.reset();
    WireReader value(field.bytes);
    Field number;
    while (value.next(number)) {
      if (number.is(1, WireType::kVarint) && number.value != 0) version = number.as_int64();
    }
    if (!value.ok()) return malformed_message();
  }
  return reader.ok() ? Status() : malformed_message();
}

Status PredictRequest::read_input(wire::Bytes entry) {
  // Counted before the names are compared: no honest client repeats one.
  if (entries_ == kMaxTensors) return too_many("inputs");
  ++entries_;
  PredictInput input;
  WireReader reader(entry);
  Field field;
  while (reader.next(field)) {
    if (field.is(1, WireType::kLength)) input.name = field.text();
    if (field.is(2, WireType::kLength)) input.tensor = field.bytes;
  }
  if (!reader.ok()) return malformed_message();
  if (input.name.size() > kMaxName) {
    return invalid_argument(fmt::format("Input name is too long - Expected: at most {} bytes; Actual: {} bytes",
                                        kMaxName, input.name.size()));
  }
  input.digest = std::hash<std::string_view>()(input.name);
  const auto same = std::ranges::find_if(
      inputs, [&](const PredictInput& other) { return other.digest == input.digest && other.name == input.name; });
  if (same != inputs.end()) {
    *same = input;
  } else {
    inputs.push_back(input);
  }
  return {};
}

std::size_t predict_bulk_offset(wire::Bytes prefix) noexcept {
  const auto numbered = [](std::uint32_t number) {
    return [number](const wire::FieldHead& head) { return head.number == number; };
  };
  // tensor_content, float_val, double_val.
  const auto block = [](const wire::FieldHead& head) {
    return head.number >= 4 && head.number <= 6 && head.length >= wire::kSmallestBulk;
  };
  for (std::size_t at = 0; at < prefix.size();) {
    const auto input = wire::find_field_head(prefix, at, prefix.size(), numbered(2));
    if (!input) return 0;
    if (const auto tensor = wire::find_field_head(prefix, input->payload, input->next, numbered(2))) {
      if (const auto found = wire::find_field_head(prefix, tensor->payload, tensor->next, block)) return found->payload;
    }
    at = input->next;
  }
  return 0;
}

}  // namespace ocelli::tfserving_grpc
