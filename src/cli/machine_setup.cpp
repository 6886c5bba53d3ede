#include "cli/machine_setup.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <link.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "runtime/backend_module.hpp"

namespace ocelli::cli {
namespace {

using inventory::Area;
using inventory::Machine;
using inventory::MachineFiles;
using inventory::ProcessFacts;
using inventory::Verdict;

constexpr const char* kGreen = "\x1b[32m";
constexpr const char* kYellow = "\x1b[33m";
constexpr const char* kRed = "\x1b[31m";
constexpr const char* kGrey = "\x1b[90m";

// Folder of the ONNX Runtime library that this process has loaded; empty when it has loaded none.
std::string loaded_onnxruntime_folder() {
  std::string folder;
  ::dl_iterate_phdr(
      [](dl_phdr_info* library, std::size_t, void* result) {
        const std::filesystem::path path(library->dlpi_name);
        if (!path.filename().string().starts_with("libonnxruntime.so")) return 0;
        *static_cast<std::string*>(result) = path.parent_path();
        return 1;
      },
      &folder);
  return folder;
}

}  // namespace

std::unique_ptr<devices::RuntimeRegistry> installed_runtimes(const std::string& openvino_legacy_dir) {
  std::map<std::string, BackendContext> contexts;
  const char* variable = std::getenv("OPENVINO_LEGACY_DIR");
  const std::string folder = openvino_legacy_dir.empty() && variable ? variable : openvino_legacy_dir;
  if (!folder.empty()) contexts["openvino_c"] = {Log(), folder, ""};
  return std::make_unique<devices::RuntimeRegistry>(default_backend_folder(), Log(), std::move(contexts));
}

inventory::Findings load_runtimes(devices::RuntimeRegistry& registry) {
  inventory::Findings findings;
  inventory::Section section(Area::kRuntimes, findings);
  bool is_any_loaded = false;
  for (const auto& state : registry.states()) {
    const auto runtime = registry.get(state.name);
    // Nobody asked for simulated devices; what an older OpenVINO lacks is told by its hardware's own checks.
    if (state.name == "simulated" || (state.name == "openvino_c" && !runtime.ok())) continue;
    if (!runtime.ok()) {
      section.add(state.name, state.name == "openvino" ? Verdict::kProblem : Verdict::kWarning,
                  std::string(runtime.status().message()), "tools/setup/setup   # installs the runtimes");
      continue;
    }
    std::vector<std::string> names;
    for (const auto& device : (*runtime)->devices()) {
      if (device.usable) names.push_back(device.name);
    }
    if (names.empty()) {
      // Without a folder the older OpenVINO has nothing to say.
      if (state.name != "openvino_c")
        section.warning(state.name, (*runtime)->version() + " finds no device that it can use", "ocelli devices --all");
      continue;
    }
    is_any_loaded = true;
    section.ok(state.name, fmt::format("{} with {}", (*runtime)->version(), fmt::join(names, ", ")));
  }
  if (!is_any_loaded) {
    section.problem("any", "no runtime can be loaded: no model can run",
                    "tools/setup/setup && cmake --build --preset release   # or set OCELLI_BACKEND_DIR");
  }
  return findings;
}

std::unique_ptr<Machine> this_machine() {
  MachineFiles files;
  auto process = ProcessFacts::current(inventory::Accounts(files));
  process.onnxruntime_folder = loaded_onnxruntime_folder();
  return std::make_unique<Machine>(std::move(files), std::move(process));
}

Result<std::unique_ptr<Machine>> machine_at(const std::string& root, const std::string& user) {
  std::error_code error;
  if (!std::filesystem::is_directory(root, error)) return invalid_argument(fmt::format("--root {} is no folder", root));
  MachineFiles files(root);
  const inventory::Accounts accounts(files);
  auto process = ProcessFacts::current(accounts);
  if (files.is_live()) process.onnxruntime_folder = loaded_onnxruntime_folder();
  if (!user.empty()) {
    auto found = accounts.user(user);
    if (!found)
      return invalid_argument(
          fmt::format("--user {} is in no line of {}", user, files.host_path("/etc/passwd").string()));
    if (found->uid != process.user.uid) process.try_open = nullptr;  // opening would prove something about ourselves
    process.user = std::move(*found);
  }
  return std::make_unique<Machine>(std::move(files), std::move(process));
}

std::string colour_of(inventory::DeviceState state) {
  if (state == inventory::DeviceState::kUsable) return kGreen;
  return state == inventory::DeviceState::kAbsent ? kGrey : kRed;
}

std::string colour_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return kGreen;
    case Verdict::kAbsent:
      return kGrey;
    case Verdict::kWarning:
      return kYellow;
    default:
      return kRed;
  }
}

}  // namespace ocelli::cli
