#include "scheduling/batch_findings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "scheduling/note_text.hpp"

namespace ocelli::scheduling {
namespace {

// Changes with everything that makes old findings worthless: this format, and the way of measuring.
constexpr std::string_view kHead = "ocelli batching 1";
constexpr Duration kLongest = std::chrono::hours(1);

template <typename Number>
std::optional<Number> take_number(std::string_view& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

std::optional<std::vector<std::uint32_t>> read_sizes(std::string_view text) {
  std::vector<std::uint32_t> sizes;
  while (true) {
    const auto size = take_number<std::uint32_t>(text);
    if (!size || *size > BatchFindings::kLargestSize || sizes.size() == BatchFindings::kMostSizes) return std::nullopt;
    if (sizes.empty() ? *size != 1 : *size <= sizes.back()) return std::nullopt;
    sizes.push_back(*size);
    if (text.empty()) return sizes;
    if (text.front() != ' ') return std::nullopt;
    text.remove_prefix(1);
  }
}

std::optional<Duration> read_duration(std::string_view text) {
  const auto nanoseconds = take_number<std::int64_t>(text);
  const auto longest = std::chrono::nanoseconds(kLongest).count();
  if (!nanoseconds || !text.empty() || *nanoseconds < 0 || *nanoseconds >= longest) return std::nullopt;
  return std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(*nanoseconds));
}

std::string one_line(std::string text) {
  text.resize(std::min(text.size(), BatchFindings::kMostRemark));
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return text;
}

}  // namespace

std::string findings_to_text(const BatchFindings& findings, std::string_view key) {
  const auto single = std::clamp<std::int64_t>(std::chrono::nanoseconds(findings.single).count(), 0,
                                               std::chrono::nanoseconds(kLongest).count() - 1);
  return note_text(kHead, key,
                   fmt::format("any_size {}\nsizes {}\nsingle_ns {}\nremark {}\n", findings.any_size ? 1 : 0,
                               fmt::join(findings.sizes, " "), single, one_line(findings.remark)));
}

std::optional<BatchFindings> findings_from_text(std::string_view text, std::string_view key) {
  if (text.size() > kMostFindingsText) return std::nullopt;
  NoteReader reader(text, kHead, key);
  const auto any_size = reader.take("any_size");
  const auto sizes_text = reader.take("sizes");
  const auto single_text = reader.take("single_ns");
  const auto remark = reader.take("remark");
  if (!reader.ends_well()) return std::nullopt;
  if ((*any_size != "0" && *any_size != "1") || remark->size() > BatchFindings::kMostRemark) return std::nullopt;
  auto sizes = read_sizes(*sizes_text);
  const auto single = read_duration(*single_text);
  if (!sizes || !single) return std::nullopt;
  return BatchFindings{*any_size == "1", std::move(*sizes), *single, std::string(*remark)};
}

}  // namespace ocelli::scheduling
