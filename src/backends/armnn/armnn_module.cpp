// The entry point of libocelli_backend_armnn.so. ARM NN has a C++ interface, which cannot be looked up function by
// function; so what is linked with it is a library of its own, opened from here, and a machine without ARM NN is told
// what to install instead of a missing symbol.
#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>

#include "backends/armnn/armnn_entry.hpp"

namespace {

using namespace ocelli;

// The folder that this module lies in.
std::filesystem::path own_folder() {
  static const char marker = 0;
  Dl_info where{};
  if (::dladdr(&marker, &where) == 0 || !where.dli_fname) return {};
  return std::filesystem::path(where.dli_fname).parent_path();
}

Runtime* create(const BackendContext& context, std::string* error) noexcept {
  try {
    const auto path = own_folder() / arm_nn::kLibraryName;
    void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) {
      *error = fmt::format(
          "ARM NN was not found ({}); install it with: sudo apt-get install -y libarmnn-dev libarmnntfliteparser-dev "
          "and its backends (Debian 12: libarmnn-cpuref-backend22; on ARM also libarmnn-cpuacc-backend22 "
          "libarmnn-gpuacc-backend22), or put your own ARM NN on LD_LIBRARY_PATH",
          ::dlerror());
      return nullptr;
    }
    const auto function = reinterpret_cast<arm_nn::CreateFunction>(::dlsym(library, arm_nn::kCreateSymbol));
    if (function) return function(context, error);
    *error = fmt::format("{} has no {}: it belongs to another build", path.string(), arm_nn::kCreateSymbol);
  } catch (const std::exception& failure) {
    *error = failure.what();
  }
  return nullptr;
}

constexpr BackendEntry kEntry{kBackendAbi, "armnn", create};

}  // namespace

extern "C" __attribute__((visibility("default"))) const ocelli::BackendEntry* ocelli_backend_entry() noexcept {
  return &kEntry;
}
