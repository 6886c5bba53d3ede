// ConfigKey: the one place where a key of config.json is described. The reader checks documents against it, the command
// line takes names, meanings and defaults of its model options from it, and `ocelli options --config-schema` and
// docs/reference/config.md are printed from it.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace ocelli::repository {

// What a key's value may be. "Texts" is an object whose members are strings.
enum class ConfigType : std::uint8_t {
  kText,
  kBoolean,
  kInteger,
  kTextOrInteger,
  kTextOrTexts,
  kChannelValues,  // a number, a string or an array of numbers
  kScalars,        // an object of strings, booleans and numbers
  kTexts,
  kTextList,
  kIntegerList,
  kObject,        // described by ConfigKey::object
  kObjectList,    // an array of such objects
  kNamedObjects,  // an array of objects whose members are such objects: [{"NAME": {...}}, ...]
};

// Whether a key must be there. kByEntry: where it is missing, that entry is not served; the rest of the file is.
// kByFile: the whole file is refused.
enum class ConfigNeed : std::uint8_t { kOptional, kByEntry, kByFile };

struct ConfigObject;

// One key of an object. Views are literals.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): the fields are in the order in which rows read best
struct ConfigKey {
  // No upper bound.
  static constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

  std::string_view name;
  ConfigType type;
  std::string_view help;               // whole sentences
  std::string_view default_text = {};  // JSON or words; empty: nothing to say. Where need is not kOptional: the flag's
  std::string_view flag = {};          // the option that sets the same, without dashes
  ConfigNeed need = ConfigNeed::kOptional;
  // Bounds of a number, or of each in a list: outside of them the whole file is refused.
  std::int64_t least = 0;
  std::int64_t most = kNoLimit;
  // Above it that entry is not served.
  std::int64_t entry_most = kNoLimit;
  // "A|B": with another text that entry is not served; empty: any text.
  std::string_view choices = {};
  const ConfigObject* object = nullptr;

  // The tighter of the two upper bounds.
  [[nodiscard]] constexpr std::int64_t limit() const noexcept { return most < entry_most ? most : entry_most; }
};

// One kind of object in the document.
struct ConfigObject {
  std::string_view name;  // short and unique: "model", "node"
  std::string_view help;  // where it stands and what it is for; whole sentences
  std::span<const ConfigKey> keys;
  // Exactly one of the keys is there.
  bool one_key = false;
  // Other keys may stand there too, with strings.
  bool other_texts = false;
};

// The whole of config.json.
const ConfigObject& config_document() noexcept;
// What stands in "config" of an entry of model_config_list; its keys are kModelKeys of model_keys.hpp.
const ConfigObject& config_model() noexcept;
// The value of model_version_policy.
const ConfigObject& config_version_policy() noexcept;
// The whole of mapping_config.json, which may lie in a version folder.
const ConfigObject& mapping_document() noexcept;

// The object's key of that name; null when it has none.
const ConfigKey* find_key(const ConfigObject& object, std::string_view name) noexcept;

}  // namespace ocelli::repository
