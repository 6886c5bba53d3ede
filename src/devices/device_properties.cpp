#include "devices/device_properties.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/letter_case.hpp"

namespace ocelli::devices {
namespace {

// Longer text is a mistake or an attack.
constexpr std::size_t kMaxText = 8192;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<DeviceProperties> parse() {
    if (text_.size() > kMaxText) return fail(fmt::format("more than {} characters", kMaxText));
    DeviceProperties all;
    auto status = parse_list([&](const std::string& given) {
      const std::string name = upper(given);
      const auto place = all.try_emplace(name);
      if (!place.second) return fail(fmt::format("{} is named twice", name));
      auto& properties = place.first->second;
      return parse_list([&](const std::string& key) {
        auto value = word();
        if (value.empty()) return fail(fmt::format("a value of {} expected", key));
        if (!properties.emplace(key, std::move(value)).second) return fail(fmt::format("{} is given twice", key));
        return Status();
      });
    });
    skip_blanks();
    if (status.ok() && at_ < text_.size()) status = fail(fmt::format("unexpected '{}'", text_[at_]));
    if (!status.ok()) return status;
    return all;
  }

 private:
  // "{" name ":" what entry() reads {"," ...} "}"
  template <typename Entry>
  Status parse_list(const Entry& entry) {
    if (!take('{')) return fail("'{' expected");
    if (take('}')) return {};
    do {
      auto name = word();
      if (name.empty()) return fail("a name expected");
      if (!take(':')) return fail(fmt::format("':' expected after {}", name));
      if (auto status = entry(std::move(name)); !status.ok()) return status;
    } while (take(','));
    return take('}') ? Status() : fail("',' or '}' expected");
  }

  std::string word() {
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '"') {
      const auto end = text_.find('"', at_ + 1);
      if (end == std::string_view::npos) return {};
      const auto quoted = text_.substr(at_ + 1, end - at_ - 1);
      at_ = end + 1;
      return std::string(quoted);
    }
    const auto end = std::min(text_.find_first_of("{}:,\" \t\n", at_), text_.size());
    const auto plain = text_.substr(at_, end - at_);
    at_ = end;
    return std::string(plain);
  }

  bool take(char c) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip_blanks() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  }
  [[nodiscard]] Status fail(std::string_view what) const {
    return invalid_argument(fmt::format("plugin_config DEVICE_PROPERTIES, position {}: {}", at_ + 1, what));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<DeviceProperties> parse_device_properties(std::string_view text) { return Parser(text).parse(); }

}  // namespace ocelli::devices
