#include "protocols/wire/tensor_bytes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

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

Status wrong_shape(const InputHead& head) {
  return invalid_argument(
      fmt::format("Invalid input shape - Expected: {}; Actual: {}; input name: {}",
                  head.spec ? head.spec->shape.to_string() : "extents of at least 0 that fit the memory",
                  head.shape.to_string(), head.name));
}

Status wrong_precision(const InputHead& head, std::string_view actual) {
  return invalid_argument(fmt::format("Invalid input precision - Expected: {}; Actual: {}; input name: {}",
                                      head.spec ? precision_name(head.spec->type) : "a known data type", actual,
                                      head.name));
}

Status malformed_message() {
  return invalid_argument("Request message is malformed: it is not a valid protobuf encoding");
}

Tensor tensor_in_place(const InputHead& head, Bytes bytes, const InputSource& source) {
  // The view's pointer is not const because runtimes take it so; nobody writes through it.
  auto* data = const_cast<std::byte*>(bytes.data());
  if (aligned_for(head.type, data)) return {{head.type, head.shape, data, bytes.size()}, source.message};
  auto copy = pooled(head, bytes.size(), source.pool);
  std::memcpy(copy.view.data, bytes.data(), bytes.size());
  return copy;
}

Result<Tensor> tensor_from_values(const InputHead& head, const RepeatedValues& values, bool fill,
                                  const InputSource& source) {
  const auto expected = head.shape.element_count();
  if (!expected) return wrong_shape(head);
  const bool fills = fill && values.count() == 1 && *expected > 1 && head.type != DataType::kString;
  if (!fills && values.count() != *expected) return wrong_value_count(head, *expected, values.count());
  // What the model does not take is not made; the servable says what is wrong with it, in OVMS's order.
  if (fills && (!head.spec || !head.spec->shape.accepts(head.shape)))
    return Tensor{{head.type, head.shape, nullptr, 0}, {}};
  if (const auto block = values.contiguous(); block && !fills) return tensor_in_place(head, *block, source);

  const auto bytes = fills ? *expected * element_size(head.type) : values.bytes_as(head.type);
  if (fills && bytes > kMaxFilledBytes) {
    return Status(StatusCode::kResourceExhausted,
                  fmt::format("A single value may fill at most {} bytes; Actual: {} bytes; input name: {}",
                              kMaxFilledBytes, bytes, head.name));
  }
  auto tensor = pooled(head, bytes, source.pool);
  if (auto status = values.copy_to(head.type, tensor.view.data); !status.ok()) return named(status, head.name);
  if (fills) fill_from_first(tensor);
  return tensor;
}

}  // namespace ocelli::wire
