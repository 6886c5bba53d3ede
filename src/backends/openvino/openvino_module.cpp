// The entry point of libocelli_backend_openvino.so.
#include "backends/openvino/openvino_error.hpp"
#include "backends/openvino/openvino_runtime.hpp"
#include "runtime/backend_module.hpp"

namespace {

ocelli::Runtime* create(const ocelli::BackendContext& context, std::string* error) noexcept {
  ocelli::Runtime* runtime = nullptr;
  // NOLINTNEXTLINE(bugprone-unhandled-exception-at-new): guarded() catches it.
  const auto make = [&] { runtime = new ocelli::openvino::OpenvinoRuntime(context.log); };
  const auto status = ocelli::openvino::guarded(ocelli::StatusCode::kUnavailable, make);
  if (!status.ok()) *error = status.message();
  return runtime;
}

constexpr ocelli::BackendEntry kEntry{ocelli::kBackendAbi, "openvino", create};

}  // namespace

extern "C" __attribute__((visibility("default"))) const ocelli::BackendEntry* ocelli_backend_entry() noexcept {
  return &kEntry;
}
