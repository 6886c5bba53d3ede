#include "backends/armnn/armnn_entry.hpp"

#include <cstdlib>

#include "backends/armnn/armnn_runtime.hpp"

namespace {

// Where ARM NN's backend modules lie: the user's folder, else $ARMNN_BACKEND_DIR, else where the library was built to
// look.
std::string backend_folder(const ocelli::BackendContext& context) {
  if (!context.library_path.empty()) return context.library_path;
  const char* folder = std::getenv("ARMNN_BACKEND_DIR");
  return folder ? folder : "";
}

}  // namespace

extern "C" __attribute__((visibility("default"))) ocelli::Runtime* ocelli_armnn_create(
    const ocelli::BackendContext& context, std::string* error) noexcept {
  try {
    auto runtime = ocelli::arm_nn::ArmnnRuntime::create(context.log, backend_folder(context));
    if (runtime.ok()) return std::move(*runtime).release();
    *error = runtime.status().message();
  } catch (const std::exception& failure) {
    *error = failure.what();
  }
  return nullptr;
}
