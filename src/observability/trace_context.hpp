// TraceContext: the W3C traceparent header, version 00 (https://www.w3.org/TR/trace-context/).
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace ocelli::observability {

// Ids as lower-case hexadecimal digits. A value that never allocates.
struct TraceContext {
  std::array<char, 32> trace_id{};
  std::array<char, 16> parent_id{};  // zero bytes: none

  // Reads "00-<32 hex>-<16 hex>-<2 hex>"; later versions may carry more after that. Empty when the header is not valid;
  // the standard then asks to go on as if there were none.
  static std::optional<TraceContext> parse(std::string_view header) noexcept;
  // A random trace for a request that came without one; it has no caller. Thread-safe.
  static TraceContext generate() noexcept;

  // The trace id as text; points into this object.
  [[nodiscard]] std::string_view trace() const noexcept { return {trace_id.data(), trace_id.size()}; }
  // The caller's span id as text, empty when there is none; points into this object.
  [[nodiscard]] std::string_view parent() const noexcept {
    return {parent_id.data(), parent_id.front() == '\0' ? 0 : parent_id.size()};
  }
};

}  // namespace ocelli::observability
