#include "observability/prometheus_text.hpp"

#include <fmt/format.h>

#include <iterator>

namespace ocelli::observability {

void append_escaped_label(std::string& out, std::string_view value) {
  for (const char c : value) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '"':
        out += "\\\"";
        break;
      case '\n':
        out += "\\n";
        break;
      default:
        out += c;
    }
  }
}

void PrometheusText::family(MetricFamily family) noexcept {
  info_ = &metric_family_info(family);
  head_written_ = false;
}

void PrometheusText::begin_sample(std::string_view suffix, Labels labels) {
  if (!head_written_) {
    fmt::format_to(std::back_inserter(text_), "# HELP {0} {1}\n# TYPE {0} {2}\n", info_->name, info_->help,
                   metric_type_name(info_->type));
    head_written_ = true;
  }
  text_.append(info_->name).append(suffix);
  char separator = '{';
  for (const auto& [name, value] : labels) {
    if (name.empty()) continue;
    text_.append(1, separator).append(name).append("=\"");
    append_escaped_label(text_, value);
    text_ += '"';
    separator = ',';
  }
  text_ += separator == '{' ? " " : "} ";
}

void PrometheusText::sample(std::string_view suffix, Labels labels, std::uint64_t value) {
  begin_sample(suffix, labels);
  fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

void PrometheusText::sample(std::string_view suffix, Labels labels, std::int64_t value) {
  begin_sample(suffix, labels);
  fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

void PrometheusText::sample(std::string_view suffix, Labels labels, double value) {
  begin_sample(suffix, labels);
  fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

}  // namespace ocelli::observability
