#include "backends/simulated/simulated_settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace ocelli::simulated {
namespace {

using nlohmann::json;

// Thrown and caught inside this file only, so that deep readers stay short.
struct Mistake {
  std::string message;
};

template <typename... Args>
[[noreturn]] void refuse(fmt::format_string<Args...> text, Args&&... args) {
  throw Mistake{fmt::format(text, std::forward<Args>(args)...)};
}

std::uint64_t read_number(const json& value, const std::string& key) {
  if (!value.is_number_unsigned()) refuse("{} must be a number of 0 or more", key);
  return value.get<std::uint64_t>();
}

std::string read_text(const json& value, const std::string& key) {
  if (!value.is_string()) refuse("{} must be a string", key);
  return value.get<std::string>();
}

bool read_switch(const json& value, const std::string& key) {
  if (!value.is_boolean()) refuse("{} must be true or false", key);
  return value.get<bool>();
}

StatusCode read_code(const json& value, const std::string& key) {
  const auto name = read_text(value, key);
  for (int code = 1; code <= static_cast<int>(StatusCode::kUnavailable); ++code) {
    if (status_code_name(static_cast<StatusCode>(code)) == name) return static_cast<StatusCode>(code);
  }
  refuse("{} is {}, which is not an error code", key, name);
}

using DeviceField = void (*)(DeviceSettings&, const json&, const std::string&);
struct DeviceKey {
  std::string_view name;
  DeviceField read;
};

constexpr std::array kDeviceKeys{
    DeviceKey{"name", [](auto& d, auto& v, auto& k) { d.name = read_text(v, k); }},
    DeviceKey{"full_name", [](auto& d, auto& v, auto& k) { d.full_name = read_text(v, k); }},
    DeviceKey{"kind", [](auto& d, auto& v, auto& k) { d.kind = read_text(v, k); }},
    DeviceKey{"discrete", [](auto& d, auto& v, auto& k) { d.discrete = read_switch(v, k); }},
    DeviceKey{"memory_bytes", [](auto& d, auto& v, auto& k) { d.memory_bytes = read_number(v, k); }},
    DeviceKey{"model_bytes", [](auto& d, auto& v, auto& k) { d.model_bytes = read_number(v, k); }},
    DeviceKey{"precision", [](auto& d, auto& v, auto& k) { d.precision = read_text(v, k); }},
    DeviceKey{"streams",
              [](auto& d, auto& v, auto& k) {
                d.streams = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(read_number(v, k), 1, 4096));
              }},
    DeviceKey{"mode", [](auto& d, auto& v, auto& k) { d.mode = read_text(v, k); }},
    DeviceKey{"service_time_us",
              [](auto& d, auto& v, auto& k) { d.service_time_us = std::chrono::microseconds(read_number(v, k)); }},
    DeviceKey{"per_item_time_us",
              [](auto& d, auto& v, auto& k) { d.per_item_time_us = std::chrono::microseconds(read_number(v, k)); }},
    DeviceKey{"compile_time_us",
              [](auto& d, auto& v, auto& k) { d.compile_time_us = std::chrono::microseconds(read_number(v, k)); }},
    DeviceKey{"compile_error", [](auto& d, auto& v, auto& k) { d.compile_error = read_text(v, k); }},
    DeviceKey{"run_error", [](auto& d, auto& v, auto& k) { d.run_error = read_text(v, k); }},
    DeviceKey{"run_error_code", [](auto& d, auto& v, auto& k) { d.run_error_code = read_code(v, k); }},
    DeviceKey{"run_error_every",
              [](auto& d, auto& v, auto& k) { d.run_error_every = std::max<std::uint64_t>(1, read_number(v, k)); }},
    DeviceKey{"die_after_runs", [](auto& d, auto& v, auto& k) { d.die_after_runs = read_number(v, k); }},
    DeviceKey{"lost_for_us",
              [](auto& d, auto& v, auto& k) { d.lost_for_us = std::chrono::microseconds(read_number(v, k)); }},
    DeviceKey{"largest_batch",
              [](auto& d, auto& v, auto& k) {
                d.largest_batch = static_cast<std::uint32_t>(std::min<std::uint64_t>(read_number(v, k), 1U << 30));
              }},
    DeviceKey{"honours_cancel", [](auto& d, auto& v, auto& k) { d.honours_cancel = read_switch(v, k); }},
};

DeviceSettings read_device(const json& value) {
  if (!value.is_object()) refuse("devices must be a list of objects");
  DeviceSettings device;
  for (const auto& [key, field] : value.items()) {
    const auto known =
        std::find_if(kDeviceKeys.begin(), kDeviceKeys.end(), [&](const auto& k) { return k.name == key; });
    if (known == kDeviceKeys.end()) refuse("{} is not a setting of a simulated device", key);
    known->read(device, field, key);
  }
  if (device.name.empty()) refuse("a device needs a name");
  if (device.mode != "timed" && device.mode != "instant") refuse("mode is {}; expected timed or instant", device.mode);
  if (device.full_name.empty()) device.full_name = "Simulated device";
  return device;
}

Dimension read_extent(const json& value, const std::string& name) {
  if (value.is_number_integer()) {
    const auto extent = value.get<std::int64_t>();
    if (extent < -1) refuse("shape of {} has extent {}", name, extent);
    return extent == -1 ? Dimension::any() : Dimension::fixed(extent);
  }
  const auto text = read_text(value, "an extent that is not a number");
  const auto colon = text.find(':');
  try {
    if (colon == std::string::npos) throw std::invalid_argument("no colon");
    const Dimension range{std::stoll(text.substr(0, colon)), std::stoll(text.substr(colon + 1))};
    if (range.min < 0 || range.max < range.min) throw std::invalid_argument("order");
    return range;
  } catch (const std::exception&) {
    refuse("shape of {} has extent {}; expected a number or a range such as 1:8", name, text);
  }
}

TensorSpec read_tensor(const json& value) {
  if (!value.is_object()) refuse("inputs and outputs must be lists of objects");
  TensorSpec spec;
  spec.name = read_text(value.value("name", json()), "name of a tensor");
  const auto type_name = read_text(value.value("type", json("FP32")), "type of " + spec.name);
  const auto type = data_type_from_kserve(type_name);
  if (!type || *type == DataType::kUndefined)
    refuse("type of {} is {}; expected FP32, INT8, BYTES and so on", spec.name, type_name);
  spec.type = *type;
  const json shape = value.value("shape", json());
  if (!shape.is_array() || shape.size() > Shape::kMaxRank)
    refuse("shape of {} must be a list of at most {} extents", spec.name, Shape::kMaxRank);
  for (const auto& extent : shape) spec.shape.dims.push_back(read_extent(extent, spec.name));
  spec.layout = read_text(value.value("layout", json("")), "layout of " + spec.name);
  return spec;
}

std::vector<TensorSpec> read_tensors(const json& value, const char* key) {
  const json list = value.value(key, json());
  if (!list.is_array() || list.empty()) refuse("{} must be a list of at least one tensor", key);
  std::vector<TensorSpec> result;
  for (const auto& tensor : list) result.push_back(read_tensor(tensor));
  return result;
}

ModelSignature read_signature(const json& value) {
  if (!value.is_object()) refuse("a signature must be an object");
  return {read_tensors(value, "inputs"), read_tensors(value, "outputs")};
}

SimulatedSettings read_settings(const json& value) {
  if (!value.is_object()) refuse("the settings must be an object");
  SimulatedSettings settings;
  for (const auto& [key, field] : value.items()) {
    if (key == "devices") {
      if (!field.is_array()) refuse("devices must be a list of objects");
      for (const auto& device : field) settings.devices.push_back(read_device(device));
    } else if (key == "signature") {
      settings.signature = read_signature(field);
    } else {
      refuse("{} is not a setting of the simulated backend", key);
    }
  }
  return settings;
}

template <typename Reader>
auto guarded(std::string_view text, Reader read) -> Result<decltype(read(json()))> {
  try {
    const json value = json::parse(text);
    return read(value);
  } catch (const Mistake& mistake) {
    return invalid_argument(mistake.message);
  } catch (const json::exception& error) {
    return invalid_argument(fmt::format("not valid JSON: {}", error.what()));
  }
}

}  // namespace

Result<SimulatedSettings> parse_settings(std::string_view json_text) {
  if (json_text.empty()) return SimulatedSettings{};
  return guarded(json_text, read_settings);
}

Result<ModelSignature> parse_signature(std::string_view json_text) { return guarded(json_text, read_signature); }

Result<std::optional<std::uint64_t>> parse_memory_bytes(std::string_view json_text) {
  return guarded(json_text, [](const json& value) -> std::optional<std::uint64_t> {
    if (!value.is_object() || !value.contains("memory_bytes")) return std::nullopt;
    return read_number(value["memory_bytes"], "memory_bytes");
  });
}

}  // namespace ocelli::simulated
