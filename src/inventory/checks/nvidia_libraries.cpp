#include "inventory/checks/nvidia_libraries.hpp"

#include <fmt/format.h>

#include "inventory/elf_library.hpp"
#include "inventory/text_parts.hpp"

namespace ocelli::inventory {
namespace {

std::vector<std::string> onnxruntime_folders(const Machine& machine) {
  std::vector<std::string> folders;
  if (const auto root = machine.process.variable("ONNXRUNTIME_ROOT"); root && !root->empty())
    folders.push_back(*root + "/lib");
  if (!machine.process.onnxruntime_folder.empty()) folders.push_back(machine.process.onnxruntime_folder);
  return folders;
}

// Where the wheels nvidia-* and tensorrt* put their libraries, beside the wheel onnxruntime-gpu (its folder "capi").
std::vector<std::string> wheel_folders(const MachineFiles& files, const std::string& onnxruntime_folder) {
  const auto packages = std::filesystem::path(onnxruntime_folder).parent_path().parent_path().string();
  std::vector<std::string> folders;
  for (const auto& vendor : files.names(packages + "/nvidia"))
    folders.push_back(fmt::format("{}/nvidia/{}/lib", packages, vendor));
  folders.push_back(packages + "/tensorrt_libs");
  return folders;
}

bool is_of_nvidia(std::string_view name) { return name.starts_with("libcu") || name.starts_with("libnv"); }

ProviderLibrary provider(const MachineFiles& files, const std::vector<std::string>& folders, std::string_view file) {
  ProviderLibrary result;
  for (const auto& folder : folders) {
    const auto path = fmt::format("{}/{}", folder, file);
    if (!files.exists(path)) continue;
    result.path = path;
    const auto library = read_elf_library(files, path);
    if (!library.ok()) {
      result.problem = library.status().message();
      return result;
    }
    for (const auto& name : library->needed) {
      if (is_of_nvidia(name)) result.needed.push_back(name);
    }
    return result;
  }
  return result;
}

}  // namespace

std::uint32_t NvidiaLibraries::cuda_major() const {
  for (const auto& name : cuda.needed) {
    for (const std::string_view prefix : {"libcudart.so.", "libcublas.so.", "libcublasLt.so."}) {
      if (!name.starts_with(prefix)) continue;
      const auto digits = split(std::string_view(name).substr(prefix.size()), '.').front();
      if (const auto major = number(digits)) return static_cast<std::uint32_t>(*major);
    }
  }
  return 0;
}

NvidiaLibraries nvidia_libraries(const Machine& machine) {
  const auto folders = onnxruntime_folders(machine);
  std::vector<std::string> more = folders;
  for (const auto& folder : folders) {
    for (auto& wheel : wheel_folders(machine.files, folder)) more.push_back(std::move(wheel));
  }
  more.insert(more.end(), {"/usr/local/cuda/lib64", "/usr/lib/wsl/lib", "/usr/local/nvidia/lib64"});
  return {provider(machine.files, folders, "libonnxruntime_providers_cuda.so"),
          provider(machine.files, folders, "libonnxruntime_providers_tensorrt.so"),
          machine.libraries.with_folders(more)};
}

}  // namespace ocelli::inventory
