// BatchFindings: what measuring a model on a device came to, and its form in a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace ocelli::scheduling {

// A plain value.
struct BatchFindings {
  // The model itself takes any number of items, and its outputs have as many rows.
  bool any_size = false;
  // Batch sizes that are used, ascending, beginning with 1; 1 alone: requests are not batched.
  std::vector<std::uint32_t> sizes{1};
  // One run of one item; below an hour.
  Duration single{};
  // What was decided and why, for people; one line of at most kMostRemark bytes.
  std::string remark;

  static constexpr std::size_t kMostRemark = 1024;
  static constexpr std::size_t kMostSizes = 64;
  static constexpr std::uint32_t kLargestSize = 65'536;

  friend bool operator==(const BatchFindings&, const BatchFindings&) = default;
};

// Most bytes of the text form.
constexpr std::size_t kMostFindingsText = 4096;

// The text form, under the digest of the key that it holds for, with a digest of its own at the end. Cuts a remark that
// is too long and takes line breaks out of it.
std::string findings_to_text(const BatchFindings& findings, std::string_view key);
// Empty when the text is none of ours, is damaged, of another format, or holds for another key. Thread-safe.
std::optional<BatchFindings> findings_from_text(std::string_view text, std::string_view key);

}  // namespace ocelli::scheduling
