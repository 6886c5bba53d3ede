// The entry point of libocelli_backend_openvino_c.so.
#include <cstdlib>
#include <exception>
#include <string>

#include "backends/openvino_c/remote_runtime.hpp"
#include "runtime/backend_module.hpp"

namespace {

// The folder that the user gave, or the environment's.
std::string folder_of(const ocelli::BackendContext& context) {
  if (!context.library_path.empty()) return context.library_path;
  const char* folder = std::getenv("OPENVINO_LEGACY_DIR");
  return folder ? folder : "";
}

ocelli::Runtime* create(const ocelli::BackendContext& context, std::string* error) noexcept {
  try {
    using namespace ocelli::openvino_c;
    return new RemoteRuntime(folder_of(context), default_worker_program(), WorkerLimits{}, context.log);
  } catch (const std::exception& failure) {
    *error = failure.what();
    return nullptr;
  }
}

constexpr ocelli::BackendEntry kEntry{ocelli::kBackendAbi, "openvino_c", create};

}  // namespace

extern "C" __attribute__((visibility("default"))) const ocelli::BackendEntry* ocelli_backend_entry() noexcept {
  return &kEntry;
}
