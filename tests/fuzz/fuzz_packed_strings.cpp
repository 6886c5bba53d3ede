// unpack_strings(): elements lie within the block and pack to the same bytes again, or the block is refused.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "tensor/string_tensor.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  const auto elements = ocelli::unpack_strings({bytes, size});
  if (!elements.ok()) return 0;
  if (ocelli::packed_size(*elements) != size) std::abort();
  std::vector<std::byte> again(size);
  ocelli::pack_strings(*elements, again.data());
  if (size > 0 && std::memcmp(again.data(), data, size) != 0) std::abort();
  return 0;
}
