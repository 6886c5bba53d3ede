#include "inventory/scope.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/letter_case.hpp"
#include "inventory/text_parts.hpp"

namespace ocelli::inventory {
namespace {

constexpr std::array kEverywhere{Area::kCpu, Area::kLimits, Area::kDisk, Area::kRuntimes};

struct Door {
  std::string_view name;
  std::vector<Area> devices;
};

const std::vector<Door>& doors() {
  static const std::vector<Door> kDoors{
      {"immich", {Area::kIntelGpu, Area::kNvidia, Area::kMali, Area::kAmd, Area::kWsl, Area::kRockchip, Area::kOthers}},
      {"model-server",
       {Area::kIntelGpu, Area::kIntelNpu, Area::kNvidia, Area::kMali, Area::kWsl, Area::kLegacyOpenvino, Area::kMyriad,
        Area::kHddl}},
      {"face", {Area::kNvidia, Area::kIntelGpu, Area::kMali, Area::kWsl}},
  };
  return kDoors;
}

struct Word {
  std::string_view name;
  std::vector<Area> areas;
  std::string_view must = "";  // id of a finding
};

// Of two that fit, the longer stands first.
const std::vector<Word>& device_words() {
  static const std::vector<Word> kWords{
      {"cpu", {}},
      {"gpu", {Area::kIntelGpu}},
      {"openvino", {Area::kIntelGpu}},
      {"openvino-wsl", {Area::kWsl, Area::kIntelGpu}},
      {"npu", {Area::kIntelNpu}},
      {"nvidia", {Area::kNvidia}},
      {"cuda", {Area::kNvidia}},
      {"tensorrt", {Area::kNvidia}, "nvidia.tensorrt"},
      {"mali", {Area::kMali}},
      {"armnn.cpuref", {Area::kArmNnCpu}, "armnn_cpu.cpu_ref"},
      {"armnn.cpuacc", {Area::kArmNnCpu}, "armnn_cpu.cpu_acc"},
      {"armnn.gpuacc", {Area::kMali}},
      {"armnn", {Area::kMali}},
      {"rocm", {Area::kAmd}},
      {"amd", {Area::kAmd}},
      {"wsl", {Area::kWsl}},
      {"myriad", {Area::kMyriad}},
      {"hddl", {Area::kHddl}},
      {"rknn", {Area::kRockchip}},
  };
  return kWords;
}

Status unknown_word(std::string_view word) {
  std::string names;
  for (const auto& door : doors()) names += fmt::format(" {}", door.name);
  for (const auto& known : device_words()) names += fmt::format(" {}", known.name);
  return invalid_argument(fmt::format("--for does not know \"{}\"; it takes a list of:{}", word, names));
}

}  // namespace

Scope Scope::all() {
  Scope scope;
  for (int area = 0; area <= static_cast<int>(Area::kOthers); ++area) scope.areas.insert(static_cast<Area>(area));
  return scope;
}

Result<Scope> parse_scope(std::string_view text) {
  Scope scope;
  scope.text = text;
  scope.areas.insert(kEverywhere.begin(), kEverywhere.end());
  const std::string lowered = lower(text);
  for (const auto part : split(lowered, ',')) {
    const auto door = std::find_if(doors().begin(), doors().end(), [&](const Door& one) { return one.name == part; });
    if (door != doors().end()) {
      scope.areas.insert(door->devices.begin(), door->devices.end());
      scope.devices.insert(door->devices.begin(), door->devices.end());
      continue;
    }
    const auto dot = part.find('.');
    const auto word = std::find_if(device_words().begin(), device_words().end(), [&](const Word& one) {
      return one.name == part || one.name == part.substr(0, dot);
    });
    if (word == device_words().end()) return unknown_word(part);
    scope.areas.insert(word->areas.begin(), word->areas.end());
    scope.required.insert(word->areas.begin(), word->areas.end());
    if (!word->must.empty()) scope.musts.emplace(word->must);
    const auto index = dot == std::string_view::npos ? std::nullopt : number(part.substr(dot + 1));
    for (const auto area : word->areas) {
      if (index) scope.last_index[area] = std::max(scope.last_index[area], *index);
    }
  }
  return scope;
}

}  // namespace ocelli::inventory
