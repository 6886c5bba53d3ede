#include "cli/text_table.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace ocelli::cli {
namespace {

constexpr std::size_t kDefaultColumns = 100;
constexpr std::size_t kNarrowest = 24;
constexpr std::size_t kGap = 2;
constexpr const char* kPlain = "\x1b[0m";

// Lines of at most `width` characters, broken between words; a longer word has its own line.
std::vector<std::string> broken(std::string_view text, std::size_t width) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const auto space = text.find(' ');
    const auto word = text.substr(0, space);
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width) lines.emplace_back();
    lines.back() += (lines.back().empty() ? "" : " ") + std::string(word);
    if (space == std::string_view::npos) break;
    text.remove_prefix(space + 1);
  }
  return lines;
}

std::vector<std::size_t> widths_of(const std::vector<std::string>& head, const std::vector<TableRow>& rows) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < head.size(); ++i) {
    std::size_t width = head[i].size();
    for (const auto& row : rows) width = std::max(width, i < row.cells.size() ? row.cells[i].size() : 0);
    widths.push_back(width);
  }
  return widths;
}

}  // namespace

std::string text_table(const std::vector<std::string>& head, const std::vector<TableRow>& rows, std::size_t columns,
                       std::size_t note_column) {
  const auto widths = widths_of(head, rows);
  std::vector<std::size_t> starts(1, 0);
  for (const auto width : widths) starts.push_back(starts.back() + width + kGap);
  const auto last = head.size() - 1;
  const auto last_width = std::max(kNarrowest, columns > starts[last] ? columns - starts[last] : 0);
  std::string out;
  const auto add = [&](const TableRow& row) {
    std::string line;
    for (std::size_t i = 0; i < last; ++i) {
      const std::string cell = i < row.cells.size() ? row.cells[i] : "";
      const bool is_styled = !row.style.empty() && i == row.styled_cell;
      line += (is_styled ? row.style + cell + kPlain : cell) + std::string(widths[i] - cell.size() + kGap, ' ');
    }
    const auto parts = broken(last < row.cells.size() ? row.cells[last] : "", last_width);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      line += (i == 0 ? "" : std::string(starts[last], ' ')) + parts[i];
      line.erase(line.find_last_not_of(' ') + 1);
      out += line + "\n";
      line.clear();
    }
    for (const auto& note : row.notes) out += std::string(starts[note_column], ' ') + note + "\n";
  };
  add({head});
  for (const auto& row : rows) add(row);
  return out;
}

std::size_t terminal_columns() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return kDefaultColumns;
}

bool may_colour() {
  const char* refused = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) == 1 && (!refused || *refused == '\0');
}

}  // namespace ocelli::cli
