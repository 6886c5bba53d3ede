#include "protocols/wire/tensor_bytes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace ocelli::wire {
namespace {

Tensor pooled(const InputHead& head, std::size_t bytes, ChargedPool pool) {
  return Tensor::of(head.type, head.shape, pool.get(bytes), 0, bytes);
}

bool aligned_for(DataType type, const std::byte* data) noexcept {
  const auto width = std::max<std::size_t>(element_size(type), 1);
  return std::bit_cast<std::uintptr_t>(data) % width == 0;
}

// Repeats the first element_size bytes over the whole tensor.
void fill_from_first(const Tensor& tensor) noexcept {
  auto done = element_size(tensor.view.type);
  while (done < tensor.view.bytes) {
    const auto step = std::min(done, tensor.view.bytes - done);
    std::memcpy(tensor.view.data + done, tensor.view.data, step);
    done += step;
  }
}

Status named(const Status& status, std::string_view input) {
  return {status.code(), fmt::format("{}; input name: {}", status.message(), input)};
}

}  // namespace

Status wrong_value_count(const InputHead& head, std::size_t expected, std::size_t actual) {
  return invalid_argument(fmt::format(
      "Invalid number of values in tensor proto container - Expected: {} values; Actual: {} values; input name: {}",
      expected, actual, head.name));
}

Status wrong_value_fields(const InputHead& head, std::string_view expected, FieldSet given,
                          std::span<const std::string_view> names) {
  std::string actual;
  for (std::uint32_t number = 0; number < names.size(); ++number) {
    if ((given & field_bit(number)) == 0) continue;
    if (!actual.empty()) actual += " and ";
    actual += names[number];
  }
  return invalid_argument(
      fmt::format("Invalid number of values in tensor proto container - Expected: {} only; Actual: {}; input name: {}",
                  expected, actual, head.name));
}

Status wrong_precision(const InputHead& head, std::string_view actual) {
  return invalid_argument(fmt::format("Invalid input precision - Expected: {}; Actual: {}; input name: {}",
                                      head.spec ? precision_name(head.spec->type) : "a known data type", actual,
                                      head.name));
}

Status malformed_message() {
  return invalid_argument("Request message is malformed: it is not a valid protobuf encoding");
}

Status check_message_bytes(std::size_t size, std::size_t limit) {
  if (size <= limit) return {};
  return {StatusCode::kPayloadTooLarge,
          fmt::format("the request message has {} bytes; this method takes at most {}", size, limit)};
}

Tensor tensor_in_place(const InputHead& head, Bytes bytes, const InputSource& source) {
  // The view's pointer is not const because runtimes take it so; nobody writes through it.
  auto* data = const_cast<std::byte*>(bytes.data());
  if (aligned_for(head.type, data)) return {{head.type, head.shape, data, bytes.size()}, source.message};
  auto copy = pooled(head, bytes.size(), source.pool);
  std::memcpy(copy.view.data, bytes.data(), bytes.size());
  return copy;
}

InputTensor without_values(const InputHead& head, Status fault) {
  return {{{head.type, head.shape, nullptr, 0}, {}}, std::move(fault)};
}

InputTensor tensor_from_values(const InputHead& head, const RepeatedValues& values, bool fill,
                               const InputSource& source) {
  const auto expected = head.shape.element_count();
  if (!expected) return without_values(head);
  const bool fills = fill && values.count() == 1 && *expected > 1 && head.type != DataType::kString;
  if (!fills && values.count() != *expected)
    return without_values(head, wrong_value_count(head, *expected, values.count()));
  // What the model does not take is not made; the servable says what is wrong with it, in OVMS's order.
  if (fills && (!head.spec || !head.spec->shape.accepts(head.shape))) return without_values(head);
  if (const auto block = values.contiguous(); block && !fills) return {tensor_in_place(head, *block, source)};

  const auto bytes = fills ? *expected * element_size(head.type) : values.bytes_as(head.type);
  if (fills && bytes > kMaxFilledBytes) {
    const auto text = fmt::format("A single value may fill at most {} bytes; Actual: {} bytes; input name: {}",
                                  kMaxFilledBytes, bytes, head.name);
    return without_values(head, {StatusCode::kResourceExhausted, text});
  }
  auto tensor = pooled(head, bytes, source.pool);
  if (auto status = values.copy_to(head.type, tensor.view.data); !status.ok())
    return without_values(head, named(status, head.name));
  if (fills) fill_from_first(tensor);
  return {std::move(tensor)};
}

}  // namespace ocelli::wire
