// BackendModule: a backend's shared library, opened at run time, so that a missing or broken runtime never stops the
// program.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/log.hpp"
#include "base/status.hpp"
#include "runtime/runtime.hpp"

namespace ocelli {

// Handed to a backend when it is created.
struct BackendContext {
  Log log;
  // Folder or file of the vendor's library, when the user named one (ONNX Runtime: ONNXRUNTIME_ROOT); empty: the
  // backend's default search.
  std::string library_path;
  // Backend-specific settings, e.g. the simulated devices' description; empty: none.
  std::string settings;
};

// What each module exports under the name "ocelli_backend_entry". Version kBackendAbi guards against modules of another
// build.
inline constexpr std::uint32_t kBackendAbi = 3;
struct BackendEntry {
  std::uint32_t abi;
  const char* name;
  // Never throws; on failure returns null and fills *error with what is missing and the remedy.
  Runtime* (*create)(const BackendContext& context, std::string* error) noexcept;
};
using BackendEntryFunction = const BackendEntry* (*)() noexcept;
inline constexpr const char* kBackendEntrySymbol = "ocelli_backend_entry";

// Opens folder/libocelli_backend_NAME.so and creates its runtime. The library stays open for as long as the returned
// runtime lives (the shared_ptr's deleter closes over it). Errors: kUnavailable with the loader's or backend's reason.
Result<std::shared_ptr<Runtime>> load_backend(const std::filesystem::path& folder, const std::string& name,
                                              const BackendContext& context);

// Folder of the backend modules: OCELLI_BACKEND_DIR, else "backends" beside the program, else ../lib/ocelli/backends
// from the program.
std::filesystem::path default_backend_folder();

}  // namespace ocelli
