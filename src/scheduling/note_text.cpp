#include "scheduling/note_text.hpp"

#include <fmt/format.h>

#include "runtime/model_digest.hpp"

namespace ocelli::scheduling {

std::string note_text(std::string_view head, std::string_view key, std::string_view body) {
  auto text = fmt::format("{}\nkey {}\n{}", head, digest_of(key), body);
  text += fmt::format("digest {}\n", digest_of(text));
  return text;
}

NoteReader::NoteReader(std::string_view text, std::string_view head, std::string_view key) : whole_(text), left_(text) {
  const auto first = take(head);
  const auto holds_for = take("key");
  good_ = good_ && first->empty() && *holds_for == digest_of(key);
}

std::optional<std::string_view> NoteReader::take(std::string_view name) {
  const auto end = left_.find('\n');
  auto line = left_.substr(0, end);
  good_ = good_ && end != std::string_view::npos && line.starts_with(name) &&
          (line.size() == name.size() || line[name.size()] == ' ');
  if (!good_) return std::nullopt;
  left_.remove_prefix(end + 1);
  line.remove_prefix(name.size());
  return line.empty() ? line : line.substr(1);
}

bool NoteReader::ends_well() {
  const auto body = whole_.substr(0, whole_.size() - left_.size());
  const auto digest = take("digest");
  return digest && left_.empty() && *digest == digest_of(body);
}

}  // namespace ocelli::scheduling
