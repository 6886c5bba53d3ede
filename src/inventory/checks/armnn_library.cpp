#include "inventory/checks/armnn_library.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "base/letter_case.hpp"
#include "inventory/text_parts.hpp"

namespace ocelli::inventory {

ArmNnBackend armnn_backend(const Machine& machine, const std::string& library, std::string_view name) {
  constexpr std::string_view kLead = "libarmnn.so.";
  const std::filesystem::path path(library);
  const std::string file = path.filename();
  const std::string version(file.starts_with(kLead) ? split(file.substr(kLead.size()), '.').front() : "");
  if (!number(version)) return {};
  const auto chosen = machine.process.variable("ARMNN_BACKEND_DIR").value_or("");
  const std::string folder = chosen.empty() ? (path.parent_path() / ("armnn" + version)).string() : chosen;
  const auto modules = machine.files.names(folder);
  for (const auto& module : modules) {
    if (contains(module, name)) return {ArmNnBackendState::kModule, fmt::format("{}/{}", folder, module), ""};
  }
  const std::string package = "/var/lib/dpkg/info/libarmnn" + version;
  const bool has_modules = !modules.empty() || !chosen.empty() || machine.files.exists(package + ".list") ||
                           machine.files.exists(package + ":arm64.list");
  if (!has_modules) return {};
  return {ArmNnBackendState::kMissing, folder,
          fmt::format("sudo apt-get install -y libarmnn-{}-backend{}", lower(name), version)};
}

}  // namespace ocelli::inventory
