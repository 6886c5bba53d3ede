// The entry point of libocelli_backend_onnxruntime.so.
#include "backends/onnxruntime/ort_runtime.hpp"
#include "runtime/backend_module.hpp"

namespace {

ocelli::Runtime* create(const ocelli::BackendContext& context, std::string* error) noexcept {
  try {
    auto runtime = ocelli::onnxruntime::OrtRuntime::create(context.log, context.library_path);
    if (runtime.ok()) return std::move(*runtime).release();
    *error = runtime.status().message();
  } catch (const std::exception& failure) {
    *error = failure.what();
  }
  return nullptr;
}

constexpr ocelli::BackendEntry kEntry{ocelli::kBackendAbi, "onnxruntime", create};

}  // namespace

extern "C" __attribute__((visibility("default"))) const ocelli::BackendEntry* ocelli_backend_entry() noexcept {
  return &kEntry;
}
