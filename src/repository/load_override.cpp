#include "repository/load_override.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace ocelli::repository {
namespace {

// A property of a device, or its value, that has to do with files: CACHE_DIR, CONFIG_FILE, WEIGHTS_PATH, also inside
// DEVICE_PROPERTIES.
bool names_place(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  constexpr std::string_view kSigns[] = {"/", "_DIR", "_PATH", "_FILE", "_FOLDER"};
  return std::ranges::any_of(kSigns, [&](std::string_view sign) { return text.find(sign) != std::string::npos; });
}

// Who may load models has no say in which of the server's files and folders are read or written.
Status check_places(const ModelConfig& configured, const ModelConfig& wanted) {
  constexpr std::string_view kWhy = "only the server's own configuration says where files are read and written";
  if (wanted.base_path != configured.base_path)
    return invalid_argument(fmt::format("config override: base_path: {}", kWhy));
  for (const auto& [key, value] : wanted.plugin_config) {
    const auto known = configured.plugin_config.find(key);
    if (known != configured.plugin_config.end() && known->second == value) continue;
    if (names_place(key) || names_place(value))
      return invalid_argument(fmt::format("config override: plugin_config.{}: {}", key, kWhy));
  }
  return {};
}

}  // namespace

Result<ModelEntry> load_override(const std::string& name, const ModelEntry* configured, const serving::SentModel& sent,
                                 const Log& log) {
  ModelConfig before = configured ? configured->config : ModelConfig{};
  before.name = name;
  if (!sent.files.empty()) before.base_path = "/files of the request";  // until they have a folder
  auto overridden = override_model(before, sent.config);
  if (!overridden.ok()) return overridden.status();
  if (Status status = check_places(before, overridden->config); !status.ok()) return status;
  if (!overridden->ignored.empty())
    log.info("Model {}: without a meaning here, and ignored: {}", name, fmt::join(overridden->ignored, ", "));
  ModelEntry result;
  result.config = std::move(overridden->config);
  return result;
}

}  // namespace ocelli::repository
