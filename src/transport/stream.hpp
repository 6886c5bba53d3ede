// Stream: the bytes of one connection, plain or encrypted.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "transport/file_descriptor.hpp"

namespace ocelli::transport {

class TlsContext;

// What a read or write came to. kMore: bytes were moved and there may be more to do at once. kDrained: bytes may have
// been moved, and nothing more can be done until the loop reports the descriptor ready; an end of the peer's side that
// it has reported already may still be there to read. kEnd: the peer closed its side in order (reads only). kFailed:
// the connection is broken.
enum class StreamState : std::uint8_t { kMore, kDrained, kEnd, kFailed };

// What a read or write gave.
struct StreamResult {
  std::size_t bytes = 0;
  StreamState state = StreamState::kDrained;
};

// Never blocks, never raises SIGPIPE. Used on one thread. A TLS handshake happens inside read() and write(): call both
// when the descriptor is ready.
class Stream {
 public:
  virtual ~Stream() = default;
  // -1 when there is no descriptor to watch (tests).
  [[nodiscard]] virtual int descriptor() const noexcept = 0;
  virtual StreamResult read(std::span<std::byte> into) noexcept = 0;
  // Writes what fits of the pieces, in order; pieces are at most kMaxPieces.
  virtual StreamResult write(std::span<const iovec> pieces) noexcept = 0;
  // Tells the peer that nothing more comes (close_notify and FIN). Best effort.
  virtual void shutdown_write() noexcept = 0;

  static constexpr std::size_t kMaxPieces = 64;
};

// Over a connected non-blocking socket. tls null: plain. Null when OpenSSL is out of memory.
std::unique_ptr<Stream> make_stream(FileDescriptor socket, TlsContext* tls);

}  // namespace ocelli::transport
