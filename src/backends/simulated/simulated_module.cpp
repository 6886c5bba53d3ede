// The entry point of libocelli_backend_simulated.so.
#include "backends/simulated/simulated_runtime.hpp"
#include "runtime/backend_module.hpp"

namespace {

ocelli::Runtime* create(const ocelli::BackendContext& context, std::string* error) noexcept {
  try {
    auto settings = ocelli::simulated::parse_settings(context.settings);
    if (settings.ok()) return new ocelli::simulated::SimulatedRuntime(context.log, std::move(*settings));
    *error = settings.status().message();
  } catch (const std::exception& failure) {
    *error = failure.what();
  }
  return nullptr;
}

constexpr ocelli::BackendEntry kEntry{ocelli::kBackendAbi, "simulated", create};

}  // namespace

extern "C" __attribute__((visibility("default"))) const ocelli::BackendEntry* ocelli_backend_entry() noexcept {
  return &kEntry;
}
