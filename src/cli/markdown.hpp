// What the generated pages of the reference are written with.
#pragma once

#include <string>
#include <string_view>

namespace ocelli::cli {

// `text` as a cell of a Markdown table: a bar, which would end it, is escaped.
std::string markdown_cell(std::string_view text);

// The same as code, in backticks; nothing for nothing.
std::string markdown_code(std::string_view text);

}  // namespace ocelli::cli
