// The small texts and numbers of gRPC over HTTP/2 (the protocol document PROTOCOL-HTTP2.md of the gRPC project):
// message prefix, grpc-timeout, grpc-message, encodings. Pure functions, thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/status.hpp"
#include "transport/grpc/rpc_options.hpp"

namespace ocelli::transport {

// Each message is preceded by a flag byte (1: compressed) and its length, 4 bytes, big-endian.
inline constexpr std::size_t kMessagePrefixBytes = 5;
using MessagePrefix = std::array<std::byte, kMessagePrefixBytes>;
MessagePrefix make_message_prefix(bool compressed, std::uint32_t length) noexcept;
std::uint32_t message_length(const MessagePrefix& prefix) noexcept;

// "100m" (1 to 8 digits and one of H M S m u n) as a duration; empty when it is not of that form. Durations beyond a
// hundred years count as that.
std::optional<Duration> parse_grpc_timeout(std::string_view text) noexcept;
// The shortest form that does not round below the duration; negative ones give "0n".
std::string format_grpc_timeout(Duration timeout);

// grpc-message: bytes outside 0x20..0x7e, and '%', become %XX. At most kMaxEncodedMessage bytes come out: the rest is
// cut off at a character.
inline constexpr std::size_t kMaxEncodedMessage = 4096;
std::string percent_encode(std::string_view text);
// Malformed escapes stay as they are.
std::string percent_decode(std::string_view text);

// "identity", "gzip", "deflate"; empty for others.
std::optional<RpcEncoding> rpc_encoding_from(std::string_view name) noexcept;
std::string_view rpc_encoding_name(RpcEncoding encoding) noexcept;
// Whether the comma-separated list of grpc-accept-encoding names the encoding.
bool accepts_encoding(std::string_view list, RpcEncoding encoding) noexcept;

// The canonical code of a gRPC status number; UNKNOWN, OUT_OF_RANGE, DATA_LOSS and numbers that do not exist are
// kInternal.
StatusCode status_code_from_grpc(int number) noexcept;

// "application/grpc", also with "+proto" or other suffixes and parameters.
bool is_grpc_content_type(std::string_view value) noexcept;

}  // namespace ocelli::transport
