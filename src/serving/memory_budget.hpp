// MemoryBudget: how much of each device's memory may be taken by models, and how much is.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace ocelli::serving {

// Pure bookkeeping: asks no device and waits for nothing. Not thread-safe.
class MemoryBudget {
 public:
  // One device: what models may take there (empty: no limit) and what they take.
  struct Line {
    std::optional<std::uint64_t> limit;
    std::uint64_t used = 0;
  };

  // limits: bytes by device; others have none.
  explicit MemoryBudget(const std::map<std::string, std::uint64_t>& limits = {}) {
    for (const auto& [device, bytes] : limits) lines_[device].limit = bytes;
  }

  // True: so many bytes more are taken. False: they exceed the limit, and nothing changes.
  [[nodiscard]] bool reserve(const std::string& device, std::uint64_t bytes) {
    auto& line = lines_[device];
    if (bytes > room(line)) return false;
    line.used += bytes;
    return true;
  }
  // Counts what is taken already, limit or not.
  void charge(const std::string& device, std::uint64_t bytes) { lines_[device].used += bytes; }
  // Gives back what was reserved or charged; never more than that.
  void release(const std::string& device, std::uint64_t bytes) noexcept {
    const auto line = lines_.find(device);
    if (line != lines_.end()) line->second.used -= std::min(bytes, line->second.used);
  }

  // Bytes that reserve() would grant now.
  [[nodiscard]] std::uint64_t room(const std::string& device) const {
    const auto line = lines_.find(device);
    return line == lines_.end() ? UINT64_MAX : room(line->second);
  }
  // Empty when there is none.
  [[nodiscard]] std::optional<std::uint64_t> limit(const std::string& device) const {
    const auto line = lines_.find(device);
    return line == lines_.end() ? std::nullopt : line->second.limit;
  }
  // By device: those with a limit and those that were used.
  [[nodiscard]] const std::map<std::string, Line>& lines() const noexcept { return lines_; }

 private:
  static std::uint64_t room(const Line& line) noexcept {
    if (!line.limit) return UINT64_MAX - line.used;
    return *line.limit > line.used ? *line.limit - line.used : 0;
  }

  std::map<std::string, Line> lines_;
};

}  // namespace ocelli::serving
