// Sequences that clients call by a name instead of a number.
#pragma once

#include <cstdint>
#include <string_view>

namespace ocelli::serving {

// The id of the sequence of that name: its value where the name is a decimal number of 64 bits, else a hash, which is
// never 0. The same through every door. Thread-safe.
std::uint64_t sequence_id_of(std::string_view name) noexcept;

}  // namespace ocelli::serving
