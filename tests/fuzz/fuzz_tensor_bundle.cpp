// check_bundle_index(): any bytes are judged, and nothing beyond them is read; also as a block whose checksum is right.
#include <cstdint>
#include <optional>
#include <string_view>

#include "backends/tensor_bundle/bundle_check.hpp"
#include "support/bundle_index.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view index(reinterpret_cast<const char*>(data), size);
  const auto shard_bytes = [](std::uint64_t shard) {
    return shard < 2 ? std::optional<std::uintmax_t>(1000) : std::nullopt;
  };
  (void)ocelli::tensor_bundle::check_bundle_index(index, shard_bytes);
  (void)ocelli::tensor_bundle::check_bundle_index(ocelli::test::table_around(std::string(index)), shard_bytes);
  return 0;
}
