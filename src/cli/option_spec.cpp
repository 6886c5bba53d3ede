#include <algorithm>
#include <array>

#include "cli/option_table.hpp"

namespace ocelli::cli {
std::string_view option_group_title(OptionGroup group) noexcept {
  constexpr std::array<std::string_view, kOptionGroups> kTitles{"General",
                                                                "One model",
                                                                "Several models",
                                                                "gRPC",
                                                                "REST",
                                                                "Security",
                                                                "Scheduling",
                                                                "Limits",
                                                                "Metrics and access log",
                                                                "Configuration files (no server is started)",
                                                                "Runtimes",
                                                                "Accepted without effect",
                                                                "Refused: generative models of OVMS",
                                                                "Measuring (ocelli bench)"};
  return kTitles[static_cast<std::size_t>(group)];
}

bool takes_group(OptionUser user, OptionGroup group) noexcept {
  if (user == OptionUser::kServe) return group != OptionGroup::kBench;
  return group == OptionGroup::kGeneral || group == OptionGroup::kModel || group == OptionGroup::kScheduling ||
         group == OptionGroup::kRuntimes || group == OptionGroup::kBench;
}

bool is_choice(const OptionSpec& option, std::string_view text) {
  auto choices = option.choices;
  if (choices.empty()) return true;
  while (!choices.empty()) {
    const auto bar = std::min(choices.find('|'), choices.size());
    if (choices.substr(0, bar) == text) return true;
    choices.remove_prefix(std::min(bar + 1, choices.size()));
  }
  return false;
}

std::string_view option_type_name(const OptionSpec& option) {
  CommandLine line;
  struct Names {
    std::string_view operator()(bool*) const { return "bool"; }
    std::string_view operator()(std::optional<bool>*) const { return "bool"; }
    std::string_view operator()(std::uint32_t*) const { return "uint"; }
    std::string_view operator()(std::optional<std::uint32_t>*) const { return "uint"; }
    std::string_view operator()(std::uint64_t*) const { return "uint"; }
    std::string_view operator()(std::string*) const { return "string"; }
  };
  return std::visit(Names{}, option.field(line));
}

std::string option_default(const OptionSpec& option) {
  if (!option.default_text.empty()) return std::string(option.default_text);
  CommandLine line;
  struct Texts {
    std::string operator()(const bool* value) const { return *value ? "true" : "false"; }
    std::string operator()(const std::optional<bool>* value) const {
      return *value ? (**value ? "true" : "false") : "";
    }
    std::string operator()(const std::uint32_t* value) const { return std::to_string(*value); }
    std::string operator()(const std::optional<std::uint32_t>* value) const {
      return *value ? std::to_string(**value) : "";
    }
    std::string operator()(const std::uint64_t* value) const { return std::to_string(*value); }
    std::string operator()(const std::string* value) const { return *value; }
  };
  return std::visit(Texts{}, option.field(line));
}

}  // namespace ocelli::cli
