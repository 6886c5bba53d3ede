// KServe v2 requests with binary tensors: the first two bytes say how long the JSON is, the third where the body begins
// in its buffer.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>

#include "protocols/kserve/infer_request.hpp"
#include "serving/request_validation.hpp"
#include "tensor/string_tensor.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static ocelli::BufferPool pool;
  static ocelli::kserve::InferRequest request;
  if (size < 3) return 0;
  const std::string length = std::to_string(data[0] + 256 * data[1]);
  const std::size_t lead = data[2] % 64;
  auto buffer = ocelli::Buffer::allocate(lead + size - 3);
  std::memcpy(buffer->data() + lead, data + 3, size - 3);
  request.clear();
  const ocelli::kserve::InferBody body{{buffer->data() + lead, size - 3}, buffer, length, {}};
  if (!ocelli::kserve::parse_infer_request(body, pool, nullptr, request).ok()) return 0;
  // Every byte of every tensor can be read. Strings that are cut off are the servable's to refuse: it counts them, and
  // comes to the same result as those that read them.
  volatile unsigned sum = 0;
  for (const auto& input : request.call.inputs) {
    const auto& view = input.tensor.view;
    if (view.type == ocelli::DataType::kString) {
      const std::span<const std::byte> packed{view.data, view.bytes};
      const auto elements = view.shape.element_count();
      const auto counted = ocelli::serving::count_packed_strings(packed);
      const bool accepted = counted.ok() && *counted == *elements;
      if (accepted != ocelli::unpack_strings(packed, *elements).ok()) std::abort();
    }
    for (std::size_t i = 0; i < view.bytes; ++i) sum = sum + std::to_integer<unsigned>(view.data[i]);
  }
  return 0;
}
