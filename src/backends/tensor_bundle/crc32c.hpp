// crc32c(): the checksum of TensorFlow's files.
#pragma once

#include <cstdint>
#include <string_view>

namespace ocelli::tensor_bundle {

// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of the bytes, as RFC 3720 gives it: 0xE3069283 for "123456789".
std::uint32_t crc32c(std::string_view bytes) noexcept;

}  // namespace ocelli::tensor_bundle
