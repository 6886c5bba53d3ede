// PackedWriter: string tensors, element by element.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "protocols/json/growing_block.hpp"

namespace ocelli::json {

// Builds the packed form of a string tensor (string_tensor.hpp). Not thread-safe.
class PackedWriter {
 public:
  explicit PackedWriter(ChargedPool pool) : block_(pool) {}

  // element is shorter than 4 GiB.
  void add(std::string_view element) {
    const auto length = static_cast<std::uint32_t>(element.size());
    std::byte* const at = block_.extend(sizeof length + element.size());
    std::memcpy(at, &length, sizeof length);
    if (!element.empty()) std::memcpy(at + sizeof length, element.data(), element.size());
  }
  [[nodiscard]] std::size_t size() const noexcept { return block_.size(); }
  // The block; nothing may be added afterwards.
  [[nodiscard]] BufferRef take() noexcept { return block_.take(); }

 private:
  GrowingBlock block_;
};

}  // namespace ocelli::json
