// Rows of the option table that are made from the table of config.json's keys.
#pragma once

#include <algorithm>
#include <span>

#include "cli/option_table.hpp"
#include "repository/model_keys.hpp"

namespace ocelli::cli {

// The row of the option that sets a key. config_key is the key's place as the reference page shows it. A name that is
// not among the keys, or has no option, does not compile.
consteval OptionSpec config_option(std::span<const repository::ConfigKey> keys, std::string_view name,
                                   std::string_view config_key, OptionGroup group, std::string_view value,
                                   FieldRef (*field)(CommandLine& line)) {
  const auto key = std::ranges::find(keys, name, &repository::ConfigKey::name);
  if (key == keys.end() || key->flag.empty()) throw "no such key";  // NOLINT(hicpp-exception-baseclass): compile time
  OptionSpec row{.name = key->flag,
                 .group = group,
                 .value = value,
                 .field = field,
                 .help = key->help,
                 .config_key = config_key,
                 .default_text = key->default_text};
  if (key->entry_most != repository::ConfigKey::kNoLimit) {
    row.range = OptionRange{static_cast<std::uint64_t>(key->least), static_cast<std::uint64_t>(key->entry_most)};
  }
  return row;
}

// The row for a key of a model. value stands for the value in --help; empty for a switch.
consteval OptionSpec model_option(std::string_view key, std::string_view value, FieldRef (*field)(CommandLine& line)) {
  return config_option(repository::kModelKeys, key, key, OptionGroup::kModel, value, field);
}

}  // namespace ocelli::cli
