// Messages of many lines as one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace ocelli {

// The lines of a text, each as clean(line) gives it, with "; " between them; those that it leaves empty do not count.
// clean: std::string_view to std::string_view.
template <typename Clean>
std::string joined_lines(std::string_view text, Clean clean) {
  std::string result;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = clean(text.substr(begin, end - begin));
    begin = end + 1;
    if (line.empty()) continue;
    result += result.empty() ? "" : "; ";
    result += line;
  }
  return result;
}

// At most 600 characters of a message; "..." stands for the rest.
inline std::string cut_message(std::string message) {
  constexpr std::size_t kMost = 600;
  if (message.size() > kMost) {
    message.resize(kMost);
    message += "...";
  }
  return message;
}

}  // namespace ocelli
