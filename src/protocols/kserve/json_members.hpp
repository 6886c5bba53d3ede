// Members and arrays of JSON documents, appended piece by piece.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "protocols/json/json_text.hpp"

namespace ocelli::kserve {

// "name":"value", both escaped.
inline void append_member(std::string& text, std::string_view name, std::string_view value) {
  json::append_quoted(text, name);
  text.push_back(':');
  json::append_quoted(text, value);
}

using Member = std::pair<std::string_view, std::string_view>;

// Members with text values, with commas between.
inline void append_members(std::string& text, std::initializer_list<Member> members) {
  bool first = true;
  for (const auto& [name, value] : members) {
    if (!std::exchange(first, false)) text.push_back(',');
    append_member(text, name, value);
  }
}

// [items], each as write(item) appends it, with commas between.
template <typename Items, typename Write>
void append_array(std::string& text, const Items& items, Write write) {
  text.push_back('[');
  bool first = true;
  for (const auto& item : items) {
    if (!std::exchange(first, false)) text.push_back(',');
    write(item);
  }
  text.push_back(']');
}

}  // namespace ocelli::kserve
