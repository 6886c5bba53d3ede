// The option table: the one place where an option is described. Parsing, --help, `ocelli options` and
// docs/reference/options.md all come from it. What is also a key of config.json takes its name, meaning and default
// from that table (repository/model_keys.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "cli/command_line.hpp"

namespace ocelli::cli {

// The field that an option sets; its type is the option's type, its value in a fresh CommandLine the default.
using FieldRef = std::variant<bool*, std::optional<bool>*, std::uint32_t*, std::optional<std::uint32_t>*,
                              std::uint64_t*, std::string*>;

// Headings of --help, in their order.
enum class OptionGroup : std::uint8_t {
  kGeneral,
  kModel,
  kConfig,
  kGrpc,
  kRest,
  kSecurity,
  kScheduling,
  kLimits,
  kMetrics,
  kManagement,
  kRuntimes,
  kIgnored,
  kPull,
  kBench,
};
inline constexpr std::size_t kOptionGroups = static_cast<std::size_t>(OptionGroup::kBench) + 1;
// "General", "One model", ...
std::string_view option_group_title(OptionGroup group) noexcept;

// Whether a command takes the options of a group.
bool takes_group(OptionUser user, OptionGroup group) noexcept;

// Inclusive bounds of a number.
struct OptionRange {
  std::uint64_t min = 0;
  std::uint64_t max = UINT64_MAX;
};

// One row. Views are literals.
struct OptionSpec {
  std::string_view name;  // without dashes
  OptionGroup group;
  std::string_view value = {};  // what stands for the value in --help; empty for booleans
  FieldRef (*field)(CommandLine& line);
  std::string_view help;                  // whole sentences
  std::string_view config_key = {};       // the same setting in config.json
  std::string_view environment = {};      // variable that gives the default
  std::string_view default_text = {};     // when the default is not a constant
  std::string_view choices = {};          // "A|B|C"; empty: any text
  std::string_view choices_error = {};    // OVMS's own text for another choice
  std::optional<OptionRange> range = {};  // only where OVMS has no text of its own (those are in validate.cpp)
};

// All options, by group.
std::span<const OptionSpec> option_table() noexcept;

// Whether text is one of the option's choices; true when it takes any text.
bool is_choice(const OptionSpec& option, std::string_view text);

// "bool", "uint", "string".
std::string_view option_type_name(const OptionSpec& option);
// The default as text: default_text, else the value in a fresh CommandLine ("" for an empty string or an unset
// optional).
std::string option_default(const OptionSpec& option);

}  // namespace ocelli::cli
