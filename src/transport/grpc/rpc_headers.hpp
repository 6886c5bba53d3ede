// RpcHeaders: names and values of one call's request headers in one block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ocelli::transport {

// Views that it hands out hold until the next add() or clear(). Not thread-safe.
class RpcHeaders {
 public:
  void add(std::string_view name, std::string_view value) {
    entries_.push_back({static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(name.size()),
                        static_cast<std::uint32_t>(value.size())});
    text_.append(name).append(value);
  }
  // The first value of that name.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept {
    for (const auto& entry : entries_) {
      const std::string_view text(text_.data() + entry.at, entry.name + entry.value);
      if (text.substr(0, entry.name) == name) return text.substr(entry.name);
    }
    return std::nullopt;
  }
  [[nodiscard]] std::size_t count() const noexcept { return entries_.size(); }
  // As RFC 9113 section 6.5.2 counts a header list: 32 bytes more for each entry.
  [[nodiscard]] std::size_t list_bytes() const noexcept { return text_.size() + 32 * entries_.size(); }
  // Keeps the capacity that usual headers need.
  void clear() noexcept {
    entries_.clear();
    text_.clear();
    if (text_.capacity() > kKeptTextBytes) std::string().swap(text_);
  }
  // What the object keeps, used or not.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return text_.capacity() + entries_.capacity() * sizeof(Entry);
  }

  static constexpr std::size_t kKeptTextBytes = 4096;

 private:
  struct Entry {
    std::uint32_t at;
    std::uint32_t name;
    std::uint32_t value;
  };
  std::vector<Entry> entries_;
  std::string text_;
};

}  // namespace ocelli::transport
