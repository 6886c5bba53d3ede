#include "cli/markdown.hpp"

#include <fmt/format.h>

namespace ocelli::cli {

std::string markdown_cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string markdown_code(std::string_view text) {
  return text.empty() ? std::string() : fmt::format("`{}`", markdown_cell(text));
}

}  // namespace ocelli::cli
