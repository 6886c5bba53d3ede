// TextTable: columns for a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ocelli::cli {

// One row: its cells, and lines that stand below it, not cut, so that a command can be copied. style is a terminal's
// escape sequence for the cell number styled_cell; empty: none.
struct TableRow {
  std::vector<std::string> cells;
  std::vector<std::string> notes{};
  std::string style{};
  std::size_t styled_cell = 0;
};

// A table with a head, columns as wide as their widest cell. The last column is broken between words to fit `columns`
// characters (but is never narrower than 24); notes stand under the column number note_column.
std::string text_table(const std::vector<std::string>& head, const std::vector<TableRow>& rows, std::size_t columns,
                       std::size_t note_column);

// Characters in a line of the terminal; 100 when standard output is none.
std::size_t terminal_columns();

// Whether standard output is a terminal that may be coloured (NO_COLOR is not set).
bool may_colour();

}  // namespace ocelli::cli
