// SharedArena: the memory in which one request's tensors lie for the server and for its worker.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/openvino_c/protocol/packet_socket.hpp"
#include "base/status.hpp"

namespace ocelli::openvino_c {

// An unnamed file in memory (memfd) that both processes map. It can grow, by either side, and never shrinks: the kernel
// refuses that (F_SEAL_SHRINK), so that no side can take pages away under the other. Not thread-safe; growing moves
// data().
class SharedArena {
 public:
  // More than this is refused: no vision model's request needs it.
  static constexpr std::uint64_t kMaxBytes = std::uint64_t{4} << 30;
  // Tensors begin at multiples of this, as the runtimes like it.
  static constexpr std::uint64_t kAlignment = 64;

  SharedArena() = default;
  SharedArena(SharedArena&& other) noexcept;
  SharedArena& operator=(SharedArena&& other) noexcept;
  ~SharedArena();

  // An empty one. kResourceExhausted when there are no descriptors left.
  static Result<SharedArena> create();
  // The one behind a descriptor that was received.
  static SharedArena adopt(Descriptor fd);

  // Makes at least bytes available, by growing the file where needed. kResourceExhausted beyond kMaxBytes or when
  // memory is out.
  Status reserve(std::uint64_t bytes);
  // Maps at least bytes of what the other side has grown. kInternal when the file is smaller.
  Status follow(std::uint64_t bytes);

  [[nodiscard]] std::byte* data() noexcept { return data_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  // The next multiple of kAlignment.
  static std::uint64_t aligned(std::uint64_t offset) noexcept {
    return (offset + kAlignment - 1) / kAlignment * kAlignment;
  }

 private:
  explicit SharedArena(Descriptor fd) : fd_(std::move(fd)) {}
  Status map(std::uint64_t bytes);
  void unmap() noexcept;

  Descriptor fd_;
  std::byte* data_ = nullptr;
  std::uint64_t size_ = 0;
};

}  // namespace ocelli::openvino_c
