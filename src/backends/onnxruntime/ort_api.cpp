#include "backends/onnxruntime/ort_api.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "backends/onnxruntime/run_error.hpp"
#include "base/folder_entries.hpp"

namespace ocelli::onnxruntime {
namespace {

namespace fs = std::filesystem;

// The library's files in a folder, plain name first ("libonnxruntime.so" before "libonnxruntime.so.1.31.1").
std::vector<fs::path> libraries_in(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : folder_entries(folder)) {
    if (entry.path().filename().string().starts_with("libonnxruntime.so")) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

// Folders known when this was built, best first.
std::vector<fs::path> built_in_folders() {
  std::vector<fs::path> folders;
  std::string_view rest = OCELLI_ONNXRUNTIME_LIBRARY_DIRS;
  while (!rest.empty()) {
    const auto colon = rest.find(':');
    folders.emplace_back(rest.substr(0, colon));
    rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
  }
  return folders;
}

std::vector<fs::path> candidates(const std::string& user_path) {
  std::vector<fs::path> result;
  const auto add_folder = [&](const fs::path& folder) {
    for (auto& path : libraries_in(folder)) result.push_back(std::move(path));
  };
  if (!user_path.empty()) {
    std::error_code error;
    if (fs::is_regular_file(user_path, error)) result.emplace_back(user_path);
    add_folder(user_path);
    add_folder(fs::path(user_path) / "lib");
    return result;  // who names a library wants that one and no other
  }
  if (const char* root = std::getenv("ONNXRUNTIME_ROOT"); root && *root) add_folder(fs::path(root) / "lib");
  for (const auto& folder : built_in_folders()) add_folder(folder);
  result.emplace_back("libonnxruntime.so.1");
  result.emplace_back("libonnxruntime.so");
  return result;
}

Result<OrtLibrary> open_one(const fs::path& path) {
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library) return unavailable(::dlerror());
  using GetBase = const OrtApiBase* (*)() noexcept;
  const auto get_base = reinterpret_cast<GetBase>(::dlsym(library, "OrtGetApiBase"));
  if (!get_base) return unavailable(fmt::format("{} is not ONNX Runtime: it has no OrtGetApiBase", path.string()));
  const OrtApiBase* base = get_base();
  OrtLibrary result;
  result.version = base->GetVersionString();
  result.api = base->GetApi(ORT_API_VERSION);
  if (!result.api) {
    return unavailable(fmt::format("{} is ONNX Runtime {}, which is too old: 1.{} or newer is needed", path.string(),
                                   result.version, ORT_API_VERSION));
  }
  Dl_info where{};
  if (::dladdr(reinterpret_cast<const void*>(get_base), &where) != 0 && where.dli_fname)
    result.folder = fs::path(where.dli_fname).parent_path();
  return result;
}

StatusCode code_of(OrtErrorCode code, std::string_view text, StatusCode fallback) {
  // No code tells a device that is full or lost; OK stands for "the words say nothing".
  const auto told = code_of_message(text, StatusCode::kOk);
  if (told != StatusCode::kOk) return told;
  switch (code) {
    case ORT_INVALID_ARGUMENT:
      return StatusCode::kInvalidArgument;
    case ORT_NO_SUCHFILE:
      return StatusCode::kNotFound;
    case ORT_NO_MODEL:
    case ORT_INVALID_PROTOBUF:
    case ORT_INVALID_GRAPH:
      return StatusCode::kInternal;
    case ORT_NOT_IMPLEMENTED:
      return StatusCode::kFailedPrecondition;
    default:
      return fallback;
  }
}

}  // namespace

Result<OrtLibrary> open_library(const std::string& user_path, const Log& log) {
  std::string tried;
  for (const auto& path : candidates(user_path)) {
    auto library = open_one(path);
    if (library.ok()) {
      log.debug("ONNX Runtime {} from {}", library->version, library->folder.string());
      return library;
    }
    tried += fmt::format("{}{}", tried.empty() ? "" : "; ", library.status().message());
  }
  return unavailable(fmt::format(
      "ONNX Runtime was not found ({}); install the wheel onnxruntime or onnxruntime-gpu with tools/setup/setup, or "
      "set ONNXRUNTIME_ROOT to an ONNX Runtime folder that has lib/libonnxruntime.so",
      tried.empty() ? "no library in " + user_path : tried));
}

Status take(const OrtApi& api, OrtStatus* status, StatusCode fallback) {
  if (!status) return {};
  const std::string text = api.GetErrorMessage(status);
  const OrtErrorCode code = api.GetErrorCode(status);
  api.ReleaseStatus(status);
  return {code_of(code, text, fallback), text};
}

}  // namespace ocelli::onnxruntime
