#include "observability/trace_context.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>

namespace ocelli::observability {
namespace {

bool is_lower_hex(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool all_zero(std::string_view text) noexcept { return text.find_first_not_of('0') == std::string_view::npos; }

// Positions in "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kParentAt = 36;
constexpr std::size_t kFlagsAt = 53;
constexpr std::size_t kLength = 55;

}  // namespace

std::optional<TraceContext> TraceContext::parse(std::string_view header) noexcept {
  if (header.size() < kLength || header[2] != '-' || header[kParentAt - 1] != '-' || header[kFlagsAt - 1] != '-')
    return {};
  const auto version = header.substr(0, 2);
  const auto trace = header.substr(kTraceAt, 32);
  const auto parent = header.substr(kParentAt, 16);
  const auto flags = header.substr(kFlagsAt, 2);
  if (!is_lower_hex(version) || !is_lower_hex(trace) || !is_lower_hex(parent) || !is_lower_hex(flags)) return {};
  if (version == "ff" || all_zero(trace) || all_zero(parent)) return {};
  if (header.size() > kLength && (version == "00" || header[kLength] != '-')) return {};
  TraceContext context;
  std::copy(trace.begin(), trace.end(), context.trace_id.begin());
  std::copy(parent.begin(), parent.end(), context.parent_id.begin());
  return context;
}

TraceContext TraceContext::generate() noexcept {
  // Ids only need to be unlikely to repeat, not hard to guess.
  thread_local std::mt19937_64 random{std::random_device{}()};
  constexpr char kDigits[] = "0123456789abcdef";
  TraceContext context;
  auto& digits = context.trace_id;
  for (std::size_t i = 0; i < digits.size(); i += 16) {
    auto bits = random() | 1;  // an id of zeros means "none"
    for (std::size_t j = 0; j < 16; ++j, bits >>= 4) digits[i + j] = kDigits[bits & 15];
  }
  return context;
}

}  // namespace ocelli::observability
