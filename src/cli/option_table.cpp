#include "cli/option_table.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "cli/options/command_options.hpp"
#include "cli/options/listener_options.hpp"
#include "cli/options/model_options.hpp"

namespace ocelli::cli {
namespace {

template <std::size_t... sizes>
constexpr auto joined(const OptionSpec (&... tables)[sizes]) {
  std::array<OptionSpec, (sizes + ...)> all{};
  auto* end = all.data();
  ((end = std::copy_n(tables, sizes, end)), ...);
  return all;
}

constexpr auto kOptions = joined(kModelOptions, kListenerOptions, kCommandOptions);

}  // namespace

std::span<const OptionSpec> option_table() noexcept { return kOptions; }

}  // namespace ocelli::cli
