// ReplyBody: the pieces of a reply, gathered by the socket without being copied together.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/buffer.hpp"

namespace ocelli::transport {

// Pieces are sent in the order they were added. Reusable: clear() keeps the capacity, free_memory() does not, recycle()
// keeps it up to kKeptTextBytes and kKeptPieces.
class ReplyBody {
 public:
  // Bytes that belong to a reply, and who keeps them.
  struct Piece {
    std::span<const std::byte> bytes;
    BufferRef owner;  // null: the bytes live in text() or outlive the reply
  };
  static constexpr std::size_t kKeptTextBytes = std::size_t{64} * 1024;
  static constexpr std::size_t kKeptPieces = 64;

  // Text that is written before all pieces (JSON, headers of a message); owned here.
  [[nodiscard]] std::string& text() noexcept { return text_; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  // owner keeps bytes alive until they are sent; null only for bytes that outlive the exchange.
  void add(std::span<const std::byte> bytes, BufferRef owner) { pieces_.push_back({bytes, std::move(owner)}); }
  [[nodiscard]] std::span<const Piece> pieces() const noexcept { return pieces_; }
  [[nodiscard]] std::size_t size() const noexcept {
    std::size_t total = text_.size();
    for (const auto& piece : pieces_) total += piece.bytes.size();
    return total;
  }
  // What the object itself keeps, used or not; of pieces only the references.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return text_.capacity() + pieces_.capacity() * sizeof(Piece);
  }
  void clear() noexcept {
    text_.clear();
    pieces_.clear();
  }
  // For pools: as clear(), but an unusually large reply's capacity goes too, so that a pool keeps little for each.
  void recycle() noexcept {
    clear();
    if (text_.capacity() > kKeptTextBytes || pieces_.capacity() > kKeptPieces) free_memory();
  }
  // Empty, without the capacity. (Moving an empty string into another one leaves that one its memory.)
  void free_memory() noexcept {
    std::string().swap(text_);
    std::vector<Piece>().swap(pieces_);
  }

 private:
  std::string text_;
  std::vector<Piece> pieces_;
};

}  // namespace ocelli::transport
