// PrometheusText: writes the Prometheus text exposition format, version 0.0.4.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "observability/metric_family.hpp"

namespace ocelli::observability {

// Appends to one string. Not thread-safe. Names must be valid metric and label names; label values may hold any bytes.
class PrometheusText {
 public:
  // One label and its value, both only read during the call.
  using Label = std::pair<std::string_view, std::string_view>;
  using Labels = std::initializer_list<Label>;

  // The "# HELP" and "# TYPE" lines, written before the family's first sample only, so that a family without series
  // leaves no trace.
  void family(MetricFamily family) noexcept;
  // name + suffix{labels} value. A label with an empty name is left out.
  void sample(std::string_view suffix, Labels labels, std::uint64_t value);
  void sample(std::string_view suffix, Labels labels, std::int64_t value);
  void sample(std::string_view suffix, Labels labels, double value);

  // What was written so far.
  [[nodiscard]] std::string take() && { return std::move(text_); }

 private:
  void begin_sample(std::string_view suffix, Labels labels);

  std::string text_;
  const MetricFamilyInfo* info_ = nullptr;
  bool head_written_ = false;
};

// Escapes backslash, double quote and line feed, as the format wants it inside a label value.
void append_escaped_label(std::string& out, std::string_view value);

}  // namespace ocelli::observability
