#include "transport/http/error_body.hpp"

#include <fmt/format.h>

#include <iterator>

namespace ocelli::transport {

void append_error_body(std::string& out, std::string_view message) {
  out += R"({"error":")";
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out.append({'\\', c});
    else if (byte < 0x20 || byte >= 0x7f)
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);  // taken as Latin-1: always valid
    else
      out += c;
  }
  out += R"("})";
}

}  // namespace ocelli::transport
