// KServe v2 requests with binary tensors: the first two bytes say how long the JSON is, the third where the body begins
// in its buffer.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "protocols/kserve/infer_request.hpp"
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
  // Every byte of every tensor can be read, and strings are whole.
  volatile unsigned sum = 0;
  for (const auto& input : request.call.inputs) {
    const auto& view = input.tensor.view;
    if (view.type == ocelli::DataType::kString &&
        !ocelli::unpack_strings({view.data, view.bytes}, *view.shape.element_count()).ok())
      std::abort();
    for (std::size_t i = 0; i < view.bytes; ++i) sum = sum + std::to_integer<unsigned>(view.data[i]);
  }
  return 0;
}
