#include "protocols/kserve/input_source.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <cstring>

namespace ocelli::kserve {
namespace {

constexpr std::size_t kPrefix = sizeof(std::uint32_t);

// The next number of a comma-separated list; false when there is none, or a comma after it that nothing follows. list
// loses it.
bool next_size(std::string_view& list, std::uint32_t& size) noexcept {
  const auto comma = list.find(',');
  const std::string_view item = list.substr(0, comma);
  list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  if (comma != std::string_view::npos && list.empty()) return false;
  const auto result = std::from_chars(item.data(), item.data() + item.size(), size);
  return result.ec == std::errc{} && result.ptr == item.data() + item.size();
}

bool aligned(const std::byte* data, std::size_t element) noexcept {
  return element < 2 || reinterpret_cast<std::uintptr_t>(data) % element == 0;
}

}  // namespace

Status InputSource::take(std::string_view input_name, DataType type, const Shape& shape,
                         const TensorParameters& parameters, Tensor& tensor) {
  const auto elements = shape.element_count();
  if (!elements)
    return invalid_argument(fmt::format("Invalid input shape - Actual: {}, too many elements; input name: {}",
                                        shape.to_string(), input_name));
  if (parameters.region) return take_region(input_name, type, shape, parameters, tensor);

  std::uint64_t size = 0;
  if (parameters.binary_sizes) {
    if (type == DataType::kString) return take_pictures(input_name, shape, *parameters.binary_sizes, tensor);
    std::uint32_t single = 0;
    std::string_view list = *parameters.binary_sizes;
    if (!next_size(list, single) || !list.empty()) {
      return invalid_argument(fmt::format("Invalid binary_data_size - Expected: one size; Actual: {}; input name: {}",
                                          *parameters.binary_sizes, input_name));
    }
    size = single;
  } else if (parameters.binary_size) {
    size = *parameters.binary_size;
  } else if (no_binary_ && *elements > 0) {
    return invalid_argument(fmt::format(
        "Could not parse input content. Not valid ndarray detected - Missing data; input name: {}", input_name));
  } else if (type != DataType::kString) {
    size = *elements * element_size(type);
  } else if (*elements == 1) {
    size = rest_.size();
  } else {
    return invalid_argument(
        fmt::format("Invalid binary_data_size - Expected: a size, for {} BYTES elements; Actual: none; input name: {}",
                    *elements, input_name));
  }
  std::span<const std::byte> bytes;
  if (auto status = advance(input_name, size, bytes); !status.ok()) return status;
  place(type, shape, bytes, owner_, tensor);
  return {};
}

Status InputSource::advance(std::string_view input_name, std::uint64_t size, std::span<const std::byte>& bytes) {
  if (size > rest_.size()) {
    return invalid_argument(fmt::format(
        "Invalid binary_data_size - Expected: at most {} bytes; Actual: {} bytes; input name: {}{}", rest_.size(), size,
        input_name,
        no_binary_ ? "; no bytes follow the JSON, whose end the header Inference-Header-Content-Length tells" : ""));
  }
  bytes = rest_.first(size);
  rest_ = rest_.subspan(size);
  return {};
}

void InputSource::place(DataType type, const Shape& shape, std::span<const std::byte> bytes, const BufferRef& owner,
                        Tensor& tensor) {
  // Readers of a tensor never write to it; TensorView says why its pointer is not const.
  auto* data = const_cast<std::byte*>(bytes.data());
  if (aligned(data, element_size(type))) {
    tensor.view = {type, shape, data, bytes.size()};
    tensor.owner = owner;
    return;
  }
  BufferRef copy = pool_.get(bytes.size());
  std::memcpy(copy->data(), bytes.data(), bytes.size());
  tensor = Tensor::of(type, shape, std::move(copy), 0, bytes.size());
}

// Pictures one after another; the prefixes that the packed form wants are put between them.
Status InputSource::take_pictures(std::string_view input_name, const Shape& shape, std::string_view sizes,
                                  Tensor& tensor) {
  const std::size_t elements = shape.element_count().value_or(0);
  std::uint64_t total = 0;
  std::size_t count = 0;
  std::uint32_t size = 0;
  for (std::string_view list = sizes; !list.empty() && count <= elements; ++count) {
    if (!next_size(list, size)) {
      return invalid_argument(
          fmt::format("Invalid binary_data_size - Expected: sizes with commas between; Actual: {}; input name: {}",
                      sizes, input_name));
    }
    total += size;
  }
  if (count != elements) {
    return invalid_argument(fmt::format("Invalid binary_data_size - Expected: {} sizes; Actual: {}; input name: {}",
                                        elements, sizes, input_name));
  }
  std::span<const std::byte> bytes;
  if (auto status = advance(input_name, total, bytes); !status.ok()) return status;

  const std::size_t packed = total + elements * kPrefix;
  BufferRef buffer = pool_.get(packed);
  std::byte* out = buffer->data();
  for (std::string_view list = sizes; !list.empty();) {
    static_cast<void>(next_size(list, size));
    std::memcpy(out, &size, kPrefix);
    if (size > 0) std::memcpy(out + kPrefix, bytes.data(), size);
    out += kPrefix + size;
    bytes = bytes.subspan(size);
  }
  tensor = Tensor::of(DataType::kString, shape, std::move(buffer), 0, packed);
  return {};
}

Status InputSource::take_region(std::string_view input_name, DataType type, const Shape& shape,
                                const TensorParameters& parameters, Tensor& tensor) {
  if (!regions_)
    return invalid_argument(fmt::format("Shared memory is not offered by this server; input name: {}", input_name));
  if (!parameters.region_size)
    return invalid_argument(fmt::format("Missing shared_memory_byte_size; input name: {}", input_name));
  if (parameters.binary_size || parameters.binary_sizes) {
    return invalid_argument(
        fmt::format("Input has data both in binary form and in shared memory; input name: {}", input_name));
  }
  auto view = regions_->view(*parameters.region, parameters.region_offset, *parameters.region_size);
  if (!view.ok()) return std::move(view).status();
  place(type, shape, {view->data, view->bytes}, view->owner, tensor);
  return {};
}

Status InputSource::destination(std::string_view output_name, const TensorParameters& parameters,
                                serving::RequestedOutput& output) {
  if (!regions_)
    return invalid_argument(fmt::format("Shared memory is not offered by this server; output name: {}", output_name));
  if (!parameters.region_size)
    return invalid_argument(fmt::format("Missing shared_memory_byte_size; output name: {}", output_name));
  auto view = regions_->view(*parameters.region, parameters.region_offset, *parameters.region_size);
  if (!view.ok()) return std::move(view).status();
  output.destination.data = view->data;
  output.destination.bytes = view->bytes;
  output.destination_owner = std::move(view->owner);
  return {};
}

Status InputSource::finish() const {
  if (rest_.empty()) return {};
  return invalid_argument(
      fmt::format("Inputs inside buffer does not match expected format. - {} bytes are left over behind the last input",
                  rest_.size()));
}

}  // namespace ocelli::kserve
