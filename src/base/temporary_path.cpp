#include "base/temporary_path.hpp"

#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>

namespace ocelli {
namespace {

std::uint64_t random_bits() {
  std::uint64_t bits = 0;
  if (::getrandom(&bits, sizeof bits, 0) == static_cast<ssize_t>(sizeof bits)) return bits;
  // A kernel without getrandom: the time in nanoseconds and the process tell names apart nearly as well.
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  return static_cast<std::uint64_t>(now) * 0x9E3779B97F4A7C15U + static_cast<std::uint64_t>(::getpid());
}

}  // namespace

std::filesystem::path temporary_path(const std::filesystem::path& target) {
  return target.string() + fmt::format(".{:016x}{}", random_bits(), kTemporaryExtension);
}

}  // namespace ocelli
