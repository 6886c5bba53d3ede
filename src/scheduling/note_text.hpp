// The text of a note in the cache folder: a head, the digest of the key that it holds for, lines "NAME VALUE", and a
// digest of all that.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ocelli::scheduling {

// body: whole lines. head names the format and its version.
std::string note_text(std::string_view head, std::string_view key, std::string_view body);

// Reads one, whatever the bytes are. The text must outlive it.
class NoteReader {
 public:
  NoteReader(std::string_view text, std::string_view head, std::string_view key);

  // The value of the next line, when that is "NAME VALUE"; it may be empty. After a line that is not as expected
  // nothing more is read.
  std::optional<std::string_view> take(std::string_view name);
  // After the last line: everything was as expected, the digest is right, and nothing follows it.
  [[nodiscard]] bool ends_well();

 private:
  const std::string_view whole_;
  std::string_view left_;
  bool good_ = true;
};

}  // namespace ocelli::scheduling
