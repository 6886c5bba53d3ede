#include "backends/openvino/openvino_properties.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "backends/openvino/openvino_error.hpp"
#include "runtime/execution_properties.hpp"

namespace ocelli::openvino {
namespace {

using Properties = std::map<std::string, std::string>;

constexpr std::array<std::string_view, 4> kProxies{"AUTO", "MULTI", "HETERO", "BATCH"};

// What the plugins of GPU and NPU take beside the keys of every device; asked for when they cannot be asked.
constexpr std::array<std::string_view, 8> kPluginKeys{
    "CACHE_MODE",     "COMPILATION_NUM_THREADS",       "DEVICE_ID", "EXECUTION_MODE_HINT", "LOG_LEVEL",
    "MODEL_PRIORITY", "PERFORMANCE_HINT_NUM_REQUESTS", "PERF_COUNT"};

std::string base_name(const std::string& device) { return device.substr(0, device.find('.')); }

bool is_accelerator(const std::string& device) { return base_name(device) == "GPU" || base_name(device) == "NPU"; }

void add_supported(const ov::Core& core, const std::string& device, std::set<std::string>& keys) {
  for (const auto& name : core.get_property(device, ov::supported_properties)) {
    if (name.is_mutable()) keys.insert(name);
  }
}

// What may be set: the union over the proxy and its members, as OVMS has it. ENABLE_MMAP belongs to reading the file.
std::set<std::string> settable_keys(const ov::Core& core, const std::string& device) {
  std::set<std::string> keys{"ENABLE_MMAP", "CACHE_DIR"};
  const DeviceList list = parse_device_list(device);
  if (!list.proxy.empty()) add_supported(core, list.proxy, keys);
  for (const auto& member : list.members.empty() ? core.get_available_devices() : list.members)
    add_supported(core, member, keys);
  return keys;
}

}  // namespace

DeviceList parse_device_list(const std::string& device) {
  DeviceList result;
  const auto colon = device.find(':');
  const std::string head = device.substr(0, colon);
  std::string rest = device;
  if (std::find(kProxies.begin(), kProxies.end(), head) != kProxies.end()) {
    result.proxy = head;
    rest = colon == std::string::npos ? "" : device.substr(colon + 1);
  }
  for (std::size_t begin = 0; begin < rest.size();) {
    const auto end = std::min(rest.find(',', begin), rest.size());
    std::string member = rest.substr(begin, end - begin);
    member = member.substr(0, member.find('('));
    if (!member.empty()) result.members.push_back(std::move(member));
    begin = end + 1;
  }
  return result;
}

Status check_devices(const ov::Core& core, const std::string& device) {
  const DeviceList list = parse_device_list(device);
  if (list.proxy.empty() && list.members.empty()) return invalid_argument("target_device is empty");
  // Listing the devices loads every plugin, which takes longer than a model that comes from the cache.
  if (std::ranges::all_of(list.members, [](const auto& member) { return member == "CPU"; }) && !list.members.empty())
    return {};
  const auto available = core.get_available_devices();
  const auto exists = [&](const std::string& name) {
    return std::any_of(available.begin(), available.end(), [&](const std::string& have) {
      // One GPU is listed as "GPU" and may be called "GPU.0"; several are listed with numbers and "GPU" is the first.
      return have == name || (name == have + ".0") || base_name(have) == name;
    });
  };
  for (const auto& member : list.members) {
    const std::string name = member.starts_with("-") ? member.substr(1) : member;  // "AUTO:-GPU": all but the GPU
    if (name == member ? exists(name) : true) continue;
    return failed_precondition(
        fmt::format("Cannot compile model into target device {}: OpenVINO has no device {} here, it has {}{}", device,
                    name, fmt::join(available, ", "),
                    is_accelerator(name) ? fmt::format("; see: ocelli doctor --for {}", base_name(name)) : ""));
  }
  return {};
}

bool knows_property(const ov::Core& core, const std::string& device, const std::string& key) {
  std::set<std::string> known;
  const auto asked = guarded(StatusCode::kFailedPrecondition, [&] { known = settable_keys(core, device); });
  if (asked.ok()) return known.contains(key);
  const auto list = parse_device_list(device);
  if (is_processor_property(key)) return !std::ranges::all_of(list.members, is_accelerator);
  if (is_execution_property(key) || key == "ENABLE_MMAP" || key == "CACHE_DIR") return true;
  if (std::ranges::find(kPluginKeys, key) != kPluginKeys.end()) return true;
  return std::ranges::any_of(list.members,
                             [&](const std::string& member) { return key.starts_with(base_name(member) + "_"); });
}

Result<ov::AnyMap> compile_properties(const ov::Core& core, const CompileOptions& options) {
  Properties properties = options.properties;
  Properties shared = properties;
  auto execution = take_execution_properties(shared);
  if (!execution.ok()) return execution.status();

  std::set<std::string> known;
  if (auto status = guarded(StatusCode::kFailedPrecondition, [&] { known = settable_keys(core, options.device); });
      !status.ok())
    return status;
  for (const auto& [key, value] : properties) {
    if (!known.contains(key))
      return invalid_argument(fmt::format("plugin_config key {} is not known to device {}", key, options.device));
  }
  if (!properties.contains("NUM_STREAMS")) properties.emplace("PERFORMANCE_HINT", "LATENCY");
  ov::AnyMap result(properties.begin(), properties.end());
  return result;
}

}  // namespace ocelli::openvino
