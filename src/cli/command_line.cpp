#include "cli/command_line.hpp"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iterator>
#include <vector>

#include "cli/option_table.hpp"

namespace ocelli::cli {
namespace {

// OVMS's own words come from its option library, with these quotes; ours follow behind the dash.
Status unparsable(std::string_view text, std::string_view expected, std::string_view source) {
  return invalid_argument(fmt::format(
      "error parsing options: Argument ‘{}’ failed to parse - Expected: {}; given to {}", text, expected, source));
}

template <typename Number>
std::optional<Number> whole_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return number;
}

std::optional<bool> truth(std::string_view text) {
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return {};
}

// Sets the field behind a FieldRef from text; false when the text is not of its type.
struct Assign {
  std::string_view text;
  bool operator()(bool* field) const { return put(field, truth(text)); }
  bool operator()(std::optional<bool>* field) const { return put(field, truth(text)); }
  bool operator()(std::uint32_t* field) const { return put(field, whole_number<std::uint32_t>(text)); }
  bool operator()(std::optional<std::uint32_t>* field) const { return put(field, whole_number<std::uint32_t>(text)); }
  bool operator()(std::uint64_t* field) const { return put(field, whole_number<std::uint64_t>(text)); }
  bool operator()(std::string* field) const {
    *field = text;
    return true;
  }
  template <typename Field, typename Value>
  static bool put(Field* field, const std::optional<Value>& value) {
    if (value) *field = *value;
    return value.has_value();
  }
};

// What Assign takes for the field.
struct Expected {
  std::string_view operator()(const bool*) const { return "true or false"; }
  std::string_view operator()(const std::optional<bool>*) const { return "true or false"; }
  std::string_view operator()(const std::uint32_t*) const { return "a whole number from 0 to 4294967295"; }
  std::string_view operator()(const std::optional<std::uint32_t>*) const {
    return "a whole number from 0 to 4294967295";
  }
  std::string_view operator()(const std::uint64_t*) const { return "a whole number from 0 to 18446744073709551615"; }
  std::string_view operator()(const std::string*) const { return "a text that is not empty"; }
};

// An empty text is a variable of a script that was not set: it must not silently mean "no key" or "the default". Left
// out are options for which it means something (no cache, no list), and those with a text of OVMS's own in
// validate.cpp.
bool may_be_empty(const OptionSpec& option) {
  constexpr std::string_view kNames[] = {
      "model_name",        "model_path",      "config_path",     "model_repository_path",  "grpc_bind_address",
      "rest_bind_address", "cache_dir",       "metrics_list",    "grpc_channel_arguments", "plugin_config",
      "load_models",       "allowed_origins", "allowed_methods", "allowed_headers"};
  return !option.choices.empty() || option.group == OptionGroup::kIgnored || option.group == OptionGroup::kPull ||
         std::ranges::find(kNames, option.name) != std::end(kNames);
}

Status check_value(const OptionSpec& option, std::string_view text) {
  // Where OVMS has a text of its own, the check has its place in OVMS's order too: see validate.cpp.
  if (option.choices_error.empty() && !is_choice(option, text)) {
    return invalid_argument(fmt::format("{} should be one of: {}; given: {}", option.name, option.choices, text));
  }
  if (option.range) {
    const auto number = whole_number<std::uint64_t>(text);
    if (!number || *number < option.range->min || *number > option.range->max) {
      return invalid_argument(fmt::format("{} should be from {} to {}; given: {}", option.name, option.range->min,
                                          option.range->max, text));
    }
  }
  return {};
}

Status assign(const OptionSpec& option, std::string_view text, CommandLine& line) {
  const auto field = option.field(line);
  const auto refuse = [&] { return unparsable(text, std::visit(Expected{}, field), fmt::format("--{}", option.name)); };
  if (!std::visit(Assign{text}, field)) return refuse();
  if (text.empty() && !may_be_empty(option)) return refuse();
  return check_value(option, text);
}

bool is_boolean(const OptionSpec& option) { return option_type_name(option) == "bool"; }

std::string unmatched_text(const std::vector<std::string>& unmatched) {
  std::string text = "error parsing options - unmatched arguments: ";
  for (const auto& argument : unmatched) text += argument + ", ";
  return text;
}

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// The library takes "--name=" for an option without a value.
std::vector<std::string> with_empty_values_apart(std::span<const std::string> arguments) {
  std::vector<std::string> words;
  for (const auto& argument : arguments) {
    const auto names_it = [&](const OptionSpec& option) {
      return argument == fmt::format("--{}=", option.name) && !is_boolean(option);
    };
    if (argument.ends_with("=") && std::ranges::any_of(option_table(), names_it)) {
      words.push_back(argument.substr(0, argument.size() - 1));
      words.emplace_back();
    } else {
      words.push_back(argument);
    }
  }
  return words;
}

// The library takes "--name=" of a switch for "--name".
Status check_empty_switches(std::span<const std::string> arguments, OptionUser user) {
  for (const auto& option : option_table()) {
    if (!is_boolean(option) || !takes_group(user, option.group)) continue;
    if (std::ranges::find(arguments, fmt::format("--{}=", option.name)) != arguments.end())
      return unparsable("", Expected{}(static_cast<const bool*>(nullptr)), fmt::format("--{}", option.name));
  }
  return {};
}

Status apply_environment(CommandLine& line) {
  if (const auto folder = environment("OVMS_MODEL_REPOSITORY_PATH"); !folder.empty()) {
    if (!line.has("model_repository_path")) line.model_repository_path = folder;
    const bool one_model = line.has("model_path") || line.has("model_name");
    const bool manages = line.list_models || line.add_to_config || line.remove_from_config;
    if (!line.has("config_path") && (manages || !one_model))
      line.server.config_path = std::string(folder) + "/config.json";
  }
  if (const auto workers = environment("GRPC_SERVERS"); !workers.empty()) {
    if (!Assign{workers}(&line.server.grpc.workers))
      return unparsable(workers, Expected{}(&line.server.grpc.workers), "GRPC_SERVERS");
    line.given.insert("grpc_workers");
  }
  if (line.server.api_key_file.empty()) line.server.api_key = environment("API_KEY");
  if (line.server.onnxruntime_path.empty()) line.server.onnxruntime_path = environment("ONNXRUNTIME_ROOT");
  if (line.server.openvino_legacy_dir.empty()) line.server.openvino_legacy_dir = environment("OPENVINO_LEGACY_DIR");
  return {};
}

}  // namespace

Result<CommandLine> parse_command_line(std::span<const std::string> arguments, OptionUser user) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::vector<std::pair<const OptionSpec*, CLI::Option*>> options;
  for (const auto& option : option_table()) {
    if (!takes_group(user, option.group)) continue;
    const auto flags = (option.name == "help" ? "-h,--" : "--") + std::string(option.name);
    auto* added = is_boolean(option) ? app.add_flag(flags) : app.add_option(flags)->expected(1);
    options.emplace_back(&option, added->multi_option_policy(CLI::MultiOptionPolicy::TakeAll));
  }
  if (auto status = check_empty_switches(arguments, user); !status.ok()) return status;
  try {
    auto words = with_empty_values_apart(arguments);
    std::reverse(words.begin(), words.end());  // the library wants them so
    app.parse(std::move(words));
  } catch (const CLI::ArgumentMismatch& error) {
    // "--name: 1 required TEXT missing", which is no sentence; this is how OVMS's library says it.
    const std::string_view text = error.what();
    const auto name = text.substr(0, text.find(':'));
    return invalid_argument(fmt::format("error parsing options: Option ‘{}’ is missing an argument",
                                        name.substr(std::min(name.find_first_not_of('-'), name.size()))));
  } catch (const CLI::ParseError& error) {
    return invalid_argument(fmt::format("error parsing options: {}", error.what()));
  }
  if (const auto unmatched = app.remaining(); !unmatched.empty()) return invalid_argument(unmatched_text(unmatched));

  CommandLine line;
  for (const auto& [option, typed] : options) {
    if (typed->count() == 0) continue;
    line.given.insert(std::string(option->name));
    if (auto status = assign(*option, typed->results().back(), line); !status.ok()) return status;
  }
  if (line.help || line.version) return line;  // nothing is done that the environment could spoil
  if (auto status = apply_environment(line); !status.ok()) return status;
  return line;
}

}  // namespace ocelli::cli
