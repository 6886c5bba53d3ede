#include "devices/plan_keys.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/letter_case.hpp"
#include "devices/device_properties.hpp"
#include "runtime/execution_properties.hpp"

namespace ocelli::devices {
namespace {

using Properties = std::map<std::string, std::string>;
constexpr const char* kHint = "PERFORMANCE_HINT";

// The value of a key in capitals; empty when it is not there.
std::string value_of(const Properties& properties, std::string_view key) {
  const auto found = properties.find(std::string(key));
  return found == properties.end() ? std::string() : upper(found->second);
}

// The same, taken out of properties.
std::string take(Properties& properties, const char* key) {
  auto value = value_of(properties, key);
  properties.erase(key);
  return value;
}

Status wrong(std::string_view key, std::string_view expected, std::string_view value) {
  return invalid_argument(fmt::format("plugin_config {}: {} expected, not \"{}\"", key, expected, value));
}

Status take_switch(Properties& properties, const char* key, bool& field) {
  const auto value = take(properties, key);
  if (value.empty()) return {};
  field = value == "YES" || value == "TRUE";
  if (field || value == "NO" || value == "FALSE") return {};
  return wrong(key, "YES or NO", value);
}

Status take_batching(Properties& properties, DevicePlan& plan) {
  if (Status status = take_switch(properties, "ALLOW_AUTO_BATCHING", plan.automatic_batching); !status.ok())
    return status;
  const auto value = take(properties, "AUTO_BATCH_TIMEOUT");
  if (value.empty()) return {};
  constexpr std::uint32_t kLongest = 60'000;
  std::uint32_t milliseconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), milliseconds);
  if (error != std::errc() || end != value.data() + value.size() || milliseconds > kLongest)
    return wrong("AUTO_BATCH_TIMEOUT", fmt::format("milliseconds from 0 to {}", kLongest), value);
  plan.batch_timeout = std::chrono::milliseconds(milliseconds);
  return {};
}

// Whether DEVICE_PROPERTIES means a member by a name, both in capitals: a name without a number is every device of that
// kind, and number 0 one that is named without.
bool names_member(std::string_view name, std::string_view target) {
  if (name == "MALI") name = "ARMNN.GPUACC";
  if (name == target || (target.starts_with(name) && target[name.size()] == '.')) return true;
  return name.ends_with(".0") && name.substr(0, name.size() - 2) == target;
}

Status take_device_properties(Properties& properties, DevicePlan& plan) {
  const auto found = properties.find("DEVICE_PROPERTIES");
  if (found == properties.end()) return {};
  const auto parsed = parse_device_properties(found->second);
  if (!parsed.ok()) return parsed.status();
  const auto& first = plan.members.front().target;
  if (first.starts_with("HETERO:")) {
    return invalid_argument(fmt::format(
        "plugin_config DEVICE_PROPERTIES: {} is one model that one runtime divides, so that keys are for all of it; "
        "they stand in plugin_config itself",
        first));
  }
  // "GPU" comes before "GPU.0", whose own word wins.
  for (const auto& [device, own] : *parsed) {
    bool named = false;
    for (auto& member : plan.members) {
      if (!names_member(device, upper(member.target))) continue;
      named = true;
      for (const auto& [key, value] : own) member.properties[key] = value;
    }
    if (!named)
      return invalid_argument(fmt::format("plugin_config DEVICE_PROPERTIES: {} is not in target_device", device));
  }
  properties.erase(found);
  return {};
}

// --- what OpenVINO's proxies take

// A key as OpenVINO 2026.4 lists it for its proxies.
struct ListKey {
  std::string_view name;
  std::array<PlanKind, 3> lists;  // filled up with the last
  std::string_view choices;       // separated by blanks; empty: anything
  std::string_view instead;       // what is done here
  bool for_members = false;       // a device may know it too
};
constexpr std::string_view kYesNo = "YES NO TRUE FALSE";
constexpr std::string_view kOrder = "devices are used in the order of the list, or as --probe measures them";
constexpr std::array<PlanKind, 3> kOfAuto{PlanKind::kAuto, PlanKind::kAuto, PlanKind::kAuto};
constexpr std::array<PlanKind, 3> kOfBoth{PlanKind::kAuto, PlanKind::kMulti, PlanKind::kMulti};
constexpr std::array kListKeys{
    ListKey{"SCHEDULE_POLICY", kOfBoth, "DEFAULT DEVICE_PRIORITY ROUND_ROBIN",
            "of the devices that are free the first of the list takes the next request"},
    ListKey{"DEVICE_BIND_BUFFER", kOfBoth, kYesNo, "each device has buffers of its own"},
    ListKey{"MODEL_PRIORITY", kOfBoth, "LOW MEDIUM HIGH DEFAULT", kOrder, true},
    ListKey{"LOW_POWER_DEVICE", kOfAuto, "", kOrder},
    ListKey{"PERF_CURVE_TABLE", kOfAuto, "", kOrder},
    ListKey{"DEVICES_UTILIZATION_THRESHOLD", kOfAuto, "", kOrder},
};
// What the proxies hand to their devices; a list may have it although none of its devices does.
constexpr std::array<std::string_view, 4> kHandedOn{"EXECUTION_MODE_HINT", "LOG_LEVEL", "PERFORMANCE_HINT_NUM_REQUESTS",
                                                    "PERF_COUNT"};

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find(' ', begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

Status take_list_key(const ListKey& key, Properties& properties, DevicePlan& plan) {
  const auto found = properties.find(std::string(key.name));
  if (found == properties.end()) return {};
  const auto choices = words_of(key.choices);
  if (!choices.empty() && std::ranges::find(choices, upper(found->second)) == choices.end())
    return wrong(key.name, fmt::format("{}", fmt::join(choices, ", ")), found->second);
  plan.remarks.push_back(fmt::format("plugin_config {} has no effect on the list: {}", key.name, key.instead));
  if (key.for_members) {
    plan.list_keys.emplace(key.name);
  } else {
    properties.erase(found);
  }
  return {};
}

Status take_list_keys(const DeviceExpression& expression, Properties& properties, DevicePlan& plan) {
  if (expression.kind == PlanKind::kSingle) return {};
  Status status;
  for (const auto& key : kListKeys) {
    if (status.ok() && std::ranges::find(key.lists, expression.kind) != key.lists.end())
      status = take_list_key(key, properties, plan);
  }
  if (expression.kind == PlanKind::kHetero) plan.list_keys.emplace("MODEL_DISTRIBUTION_POLICY");
  if (expression.kind == PlanKind::kBatch) plan.list_keys.emplace("PERF_COUNT");
  if (expression.kind == PlanKind::kAuto || expression.kind == PlanKind::kMulti)
    plan.list_keys.insert(kHandedOn.begin(), kHandedOn.end());
  return status;
}

// --- names of releases up to 2022

struct OldKey {
  std::string_view device;
  std::string_view old_name;
  std::string_view name;
  // Old values and the new ones; others are taken over.
  std::array<std::pair<std::string_view, std::string_view>, 2> values;
};
constexpr std::array kOldKeys{
    OldKey{"CPU",
           "CPU_THROUGHPUT_STREAMS",
           "NUM_STREAMS",
           {{{"CPU_THROUGHPUT_AUTO", "AUTO"}, {"CPU_THROUGHPUT_NUMA", "AUTO"}}}},
    OldKey{"GPU", "GPU_THROUGHPUT_STREAMS", "NUM_STREAMS", {{{"GPU_THROUGHPUT_AUTO", "AUTO"}}}},
    OldKey{"CPU", "CPU_THREADS_NUM", "INFERENCE_NUM_THREADS", {}},
    OldKey{"CPU", "CPU_BIND_THREAD", "ENABLE_CPU_PINNING", {{{"NUMA", "YES"}, {"HYBRID_AWARE", "YES"}}}},
};

std::string new_value(const OldKey& key, std::string value) {
  for (const auto& [from, to] : key.values) {
    if (!from.empty() && value == from) return std::string(to);
  }
  return value;
}

// Replaces the name in one set of keys; the new name wins where both are given. The value that is used; empty: the old
// name is not there.
std::optional<std::string> replace(const OldKey& key, Properties& properties) {
  auto node = properties.extract(std::string(key.old_name));
  if (node.empty()) return std::nullopt;
  return properties.emplace(key.name, new_value(key, node.mapped())).first->second;
}

void replace_old_key(const OldKey& key, const DeviceExpression& expression, Properties& properties, DevicePlan& plan) {
  const auto fits = [&](const DeviceMember& member) { return member.device.name == key.device; };
  const bool apart = plan.members.size() == expression.members.size();  // not a divided model
  std::vector<PlanMember*> fitting;
  for (std::size_t i = 0; apart && i < plan.members.size(); ++i) {
    if (fits(expression.members[i])) fitting.push_back(&plan.members[i]);
  }
  const auto say = [&](const std::string& value) {
    plan.remarks.push_back(fmt::format("plugin_config {} is the old name of {}; {}={} is used for {}", key.old_name,
                                       key.name, key.name, value, key.device));
  };
  for (auto* member : fitting) {
    if (const auto value = replace(key, member->properties)) say(*value);
  }
  const bool all = apart ? fitting.size() == plan.members.size() : std::ranges::any_of(expression.members, fits);
  if (all) {
    if (const auto value = replace(key, properties)) say(*value);
    return;
  }
  if (fitting.empty() || !properties.contains(std::string(key.old_name))) return;
  const auto newer = properties.find(std::string(key.name));
  const auto value = new_value(key, properties.extract(std::string(key.old_name)).mapped());
  for (auto* member : fitting) {
    // As with the new name: a hint of the member's own is a later word than the list's streams.
    if (key.name == "NUM_STREAMS" && member->properties.contains(kHint)) continue;
    say(newer != properties.end() ? newer->second : member->properties.emplace(key.name, value).first->second);
  }
}

}  // namespace

Status take_plan_keys(const DeviceExpression& expression, Properties& properties, DevicePlan& plan) {
  Status status = take_batching(properties, plan);
  if (status.ok()) status = take_device_properties(properties, plan);
  if (status.ok()) status = take_list_keys(expression, properties, plan);
  if (!status.ok()) return status;
  const bool hinted = properties.contains(kHint);
  for (const auto& key : kOldKeys) {
    if (hinted && key.name == "NUM_STREAMS" && properties.contains(std::string(key.old_name)))
      return check_streams_and_hint({{kHint, ""}, {"NUM_STREAMS", ""}});
    replace_old_key(key, expression, properties, plan);
  }
  for (const auto& member : plan.members) {
    if (status = check_streams_and_hint(member.properties); !status.ok()) return status;
  }
  const bool all_together = expression.kind == PlanKind::kAuto || expression.kind == PlanKind::kMulti;
  const bool cumulative = all_together && value_of(properties, kHint) == "CUMULATIVE_THROUGHPUT";
  // A member that is used together with others runs for throughput.
  if (cumulative) properties[kHint] = "THROUGHPUT";
  if (expression.kind != PlanKind::kAuto) return {};
  plan.use = cumulative ? DevicePlan::Use::kAny : DevicePlan::Use::kFirst;
  status = take_switch(properties, "ENABLE_STARTUP_FALLBACK", plan.startup_fallback);
  return status.ok() ? take_switch(properties, "ENABLE_RUNTIME_FALLBACK", plan.runtime_fallback) : status;
}

}  // namespace ocelli::devices
