#include "inventory/remedy.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "inventory/text_parts.hpp"

namespace ocelli::inventory {

std::string with_note(std::string command, std::string_view note) {
  constexpr std::string_view kLead = "   # ";
  command += contains(command, kLead) ? "; " : kLead;
  return command.append(note);
}

std::string shell_word(std::string_view text) {
  const bool is_plain = !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || contains("/._-@:+", {&c, 1});
  });
  if (is_plain) return std::string(text);
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

std::string on_host(std::string command) { return with_note(std::move(command), "on the host"); }

std::string container_with(std::string_view options) {
  return on_host(fmt::format("docker run {} IMAGE   # beside the options that the container has now", options));
}

std::string reach_windows_gpu(const Machine& machine) {
  return machine.either(container_with("--device /dev/dxg --volume /usr/lib/wsl:/usr/lib/wsl"),
                        "wsl.exe --update && wsl.exe --shutdown   # the GPU's Windows driver must be current, and WSL "
                        "version 2");
}

}  // namespace ocelli::inventory
