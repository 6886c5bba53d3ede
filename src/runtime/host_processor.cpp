#include "runtime/host_processor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

namespace ocelli {
namespace {

using Name = std::pair<std::string_view, std::string_view>;

// Parts of implementer 0x41, ARM (Linux, arch/arm64/include/asm/cputype.h).
constexpr std::array kArmParts{
    Name{"0xd03", "Cortex-A53"},  Name{"0xd04", "Cortex-A35"},   Name{"0xd05", "Cortex-A55"},
    Name{"0xd07", "Cortex-A57"},  Name{"0xd08", "Cortex-A72"},   Name{"0xd09", "Cortex-A73"},
    Name{"0xd0a", "Cortex-A75"},  Name{"0xd0b", "Cortex-A76"},   Name{"0xd0c", "Neoverse-N1"},
    Name{"0xd0d", "Cortex-A77"},  Name{"0xd0e", "Cortex-A76AE"}, Name{"0xd40", "Neoverse-V1"},
    Name{"0xd41", "Cortex-A78"},  Name{"0xd42", "Cortex-A78AE"}, Name{"0xd44", "Cortex-X1"},
    Name{"0xd46", "Cortex-A510"}, Name{"0xd47", "Cortex-A710"},  Name{"0xd48", "Cortex-X2"},
    Name{"0xd49", "Neoverse-N2"}, Name{"0xd4b", "Cortex-A78C"},  Name{"0xd4c", "Cortex-X1C"},
    Name{"0xd4d", "Cortex-A715"}, Name{"0xd4e", "Cortex-X3"},    Name{"0xd4f", "Neoverse-V2"},
    Name{"0xd80", "Cortex-A520"}, Name{"0xd81", "Cortex-A720"},  Name{"0xd82", "Cortex-X4"},
    Name{"0xd84", "Neoverse-V3"}, Name{"0xd85", "Cortex-X925"},  Name{"0xd87", "Cortex-A725"},
    Name{"0xd8e", "Neoverse-N3"},
};

std::string core_name(const std::string& implementer, const std::string& part) {
  const auto* const known = std::ranges::find(kArmParts, part, &Name::first);
  if (implementer == "0x41" && known != kArmParts.end()) return std::string(known->second);
  return fmt::format("ARM core {}:{}", implementer, part);
}

// With one space between words and none around them; a name ends at a zero byte.
std::string tidied(std::string_view text) {
  std::istringstream words{std::string(text.substr(0, text.find('\0')))};
  std::string all;
  for (std::string word; words >> word;) all += (all.empty() ? "" : " ") + word;
  return all;
}

std::string text_of(const char* path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return std::move(text).str();
}

}  // namespace

std::string processor_name(std::string_view cpuinfo, std::string_view board) {
  std::string model;
  std::string implementer;
  std::vector<std::string> cores;
  std::istringstream lines{std::string(cpuinfo)};
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    const auto key = tidied(line.substr(0, colon));
    const auto value = [&] { return tidied(line.substr(colon + 1)); };  // flags are many, and not asked for
    if (key == "model name" || key == "Model") model = value();
    if (key == "CPU implementer") implementer = value();
    if (key != "CPU part") continue;
    auto core = core_name(implementer, value());
    if (std::ranges::find(cores, core) == cores.end()) cores.push_back(std::move(core));
  }
  if (model.empty()) model = tidied(board);
  if (cores.empty()) return model;
  const auto kinds = fmt::format("{}", fmt::join(cores, ", "));
  return model.empty() ? kinds : fmt::format("{} ({})", model, kinds);
}

std::string host_processor_name() {
  auto name = processor_name(text_of("/proc/cpuinfo"), text_of("/proc/device-tree/model"));
  return name.empty() ? "CPU" : name;
}

}  // namespace ocelli
