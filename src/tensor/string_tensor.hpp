// The packed form of string tensors: for each element, in row-major order, a 4-byte little-endian length and that many
// bytes (the KServe v2 binary form of BYTES), so that strings travel through every seam as one block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.hpp"

namespace ocelli {

// Splits a packed block into its elements, which point into it. Fails when a length leads beyond the end, when bytes
// are left over, or when the count is not expected_count (kAnyCount: any).
inline constexpr std::size_t kAnyCount = static_cast<std::size_t>(-1);
Result<std::vector<std::string_view>> unpack_strings(std::span<const std::byte> packed,
                                                     std::size_t expected_count = kAnyCount);

// Bytes that pack_strings() will write.
std::size_t packed_size(std::span<const std::string_view> elements) noexcept;
// Writes the packed form; out must hold packed_size() bytes. Elements are at most 4 GiB - 1 each.
void pack_strings(std::span<const std::string_view> elements, std::byte* out) noexcept;

}  // namespace ocelli
