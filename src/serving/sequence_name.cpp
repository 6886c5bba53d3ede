#include "serving/sequence_name.hpp"

#include <charconv>

namespace ocelli::serving {

std::uint64_t sequence_id_of(std::string_view name) noexcept {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
  if (error == std::errc() && end == name.data() + name.size()) return value;
  // FNV-1a, 64 bits (Fowler, Noll, Vo).
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char byte : name) hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211ULL;
  return hash == 0 ? 1 : hash;
}

}  // namespace ocelli::serving
