#include "runtime/backend_module.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>

namespace ocelli {

Result<std::shared_ptr<Runtime>> load_backend(const std::filesystem::path& folder, const std::string& name,
                                              const BackendContext& context) {
  const auto path = folder / ("libocelli_backend_" + name + ".so");
  // Symbols stay local, so that two vendors' libraries cannot see each other's; the module stays mapped, because
  // vendors' libraries keep threads and exit handlers that outlive any one model.
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library) return unavailable(fmt::format("backend {} cannot be loaded: {}", name, ::dlerror()));
  const auto entry_function = reinterpret_cast<BackendEntryFunction>(::dlsym(library, kBackendEntrySymbol));
  if (!entry_function)
    return unavailable(fmt::format("{} is not a backend: it has no {}", path.string(), kBackendEntrySymbol));
  const BackendEntry* entry = entry_function();
  if (entry->abi != kBackendAbi) {
    return unavailable(fmt::format("{} was built for backend interface {}, this program has {}", path.string(),
                                   entry->abi, kBackendAbi));
  }
  std::string error;
  Runtime* runtime = entry->create(context, &error);
  if (!runtime) return unavailable(fmt::format("backend {} is not usable: {}", name, error));
  return std::shared_ptr<Runtime>(runtime);
}

std::filesystem::path default_backend_folder() {
  if (const char* folder = std::getenv("OCELLI_BACKEND_DIR"); folder && *folder) return folder;
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  auto beside = program.parent_path() / "backends";
  if (std::filesystem::is_directory(beside, error)) return beside;
  return program.parent_path().parent_path() / "lib" / "ocelli" / "backends";
}

}  // namespace ocelli
