#include "scheduling/batch_findings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "runtime/model_digest.hpp"

namespace ocelli::scheduling {
namespace {

// Changes with everything that makes old findings worthless: this format, and the way of measuring.
constexpr std::string_view kHead = "ocelli batching 1";
constexpr Duration kLongest = std::chrono::hours(1);

// Takes the line "NAME VALUE\n" off the front; empty when it is not there.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view name) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  auto line = text.substr(0, end);
  if (!line.starts_with(name)) return std::nullopt;
  line.remove_prefix(name.size());
  text.remove_prefix(end + 1);
  if (line.empty()) return line;
  if (line.front() != ' ') return std::nullopt;
  return line.substr(1);
}

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
      text, [](char c) { return c >= 0 && c < ' '; }, ' ');
  return text;
}

}  // namespace

std::string findings_to_text(const BatchFindings& findings, std::string_view key) {
  const auto single = std::clamp<std::int64_t>(std::chrono::nanoseconds(findings.single).count(), 0,
                                               std::chrono::nanoseconds(kLongest).count() - 1);
  std::string text =
      fmt::format("{}\nkey {}\nany_size {}\nsizes {}\nsingle_ns {}\nremark {}\n", kHead, digest_of(key),
                  findings.any_size ? 1 : 0, fmt::join(findings.sizes, " "), single, one_line(findings.remark));
  text += fmt::format("digest {}\n", digest_of(text));
  return text;
}

std::optional<BatchFindings> findings_from_text(std::string_view text, std::string_view key) {
  if (text.size() > kMostFindingsText) return std::nullopt;
  const auto whole = text;
  const auto head = take_line(text, kHead);
  const auto holds_for = head ? take_line(text, "key") : std::nullopt;
  const auto any_size = holds_for ? take_line(text, "any_size") : std::nullopt;
  const auto sizes_text = any_size ? take_line(text, "sizes") : std::nullopt;
  const auto single_text = sizes_text ? take_line(text, "single_ns") : std::nullopt;
  const auto remark = single_text ? take_line(text, "remark") : std::nullopt;
  if (!remark || !head->empty() || *holds_for != digest_of(key)) return std::nullopt;
  const auto body = whole.substr(0, whole.size() - text.size());
  const auto digest = take_line(text, "digest");
  if (!digest || !text.empty() || *digest != digest_of(body)) return std::nullopt;
  if ((*any_size != "0" && *any_size != "1") || remark->size() > BatchFindings::kMostRemark) return std::nullopt;
  auto sizes = read_sizes(*sizes_text);
  const auto single = read_duration(*single_text);
  if (!sizes || !single) return std::nullopt;
  return BatchFindings{*any_size == "1", std::move(*sizes), *single, std::string(*remark)};
}

}  // namespace ocelli::scheduling
