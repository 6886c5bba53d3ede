#include "backends/onnxruntime/nvidia_libraries.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "base/folder_entries.hpp"

namespace ocelli::onnxruntime {
namespace {

namespace fs = std::filesystem;

// In the order of their dependencies. cuDNN opens its parts by itself, from its own folder.
constexpr std::array<std::string_view, 11> kLibraries{
    "libcudart.so", "libnvJitLink.so", "libnvrtc.so",   "libcublasLt.so",       "libcublas.so",      "libcufft.so",
    "libcurand.so", "libcudnn.so",     "libnvinfer.so", "libnvinfer_plugin.so", "libnvonnxparser.so"};

std::vector<fs::path> libraries_of_wheels(const fs::path& packages) {
  std::vector<fs::path> files;
  const auto collect = [&](const fs::path& folder) {
    for (const auto& entry : folder_entries(folder)) files.push_back(entry.path());
  };
  for (const auto& vendor : folder_entries(packages / "nvidia")) collect(vendor.path() / "lib");
  collect(packages / "tensorrt_libs");
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

void open_nvidia_wheels(const fs::path& folder, const Log& log) {
  const auto files = libraries_of_wheels(folder.parent_path().parent_path());
  for (const auto name : kLibraries) {
    for (const auto& file : files) {
      if (!file.filename().string().starts_with(name)) continue;
      if (::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)) continue;
      log.debug("{} cannot be opened: {}", file.string(), ::dlerror());
    }
  }
}

std::string tensorrt_version() {
  for (const char* name : {"libnvinfer.so.10", "libnvinfer.so.11"}) {
    void* library = ::dlopen(name, RTLD_NOW | RTLD_NOLOAD);
    if (!library) continue;
    // NvInferRuntime.h: 10.14.1 is 101401, that is 10000 * major + 100 * minor + patch.
    const auto version = reinterpret_cast<int (*)()>(::dlsym(library, "getInferLibVersion"));
    if (!version) continue;
    const int number = version();
    return fmt::format("{}.{}.{}", number / 10000, number / 100 % 100, number % 100);
  }
  return "unknown";
}

}  // namespace ocelli::onnxruntime
