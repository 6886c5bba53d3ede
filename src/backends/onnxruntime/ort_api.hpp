// OrtLibrary: ONNX Runtime's C interface out of a library that is opened at run time; and owners of its objects.
#pragma once

#include <onnxruntime_c_api.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/log.hpp"
#include "base/status.hpp"

namespace ocelli::onnxruntime {

struct OrtLibrary {
  const OrtApi* api = nullptr;
  std::string version;           // "1.31.1"
  std::filesystem::path folder;  // where the library lies; the providers lie beside it
};

// Opens the first library found at: user_path (a file, a folder or its lib/), $ONNXRUNTIME_ROOT/lib, the folder known
// when this was built, the loader's own search. The library is never closed. Errors: kUnavailable with what was tried
// and the remedy.
Result<OrtLibrary> open_library(const std::string& user_path, const Log& log);

// Calls the right Release function of the interface. Deleters keep a pointer to the interface, which lives as long as
// the library.
struct OrtDeleter {
  const OrtApi* api = nullptr;
  void operator()(OrtEnv* object) const noexcept { api->ReleaseEnv(object); }
  void operator()(OrtSession* object) const noexcept { api->ReleaseSession(object); }
  void operator()(OrtSessionOptions* object) const noexcept { api->ReleaseSessionOptions(object); }
  void operator()(OrtRunOptions* object) const noexcept { api->ReleaseRunOptions(object); }
  void operator()(OrtValue* object) const noexcept { api->ReleaseValue(object); }
  void operator()(OrtMemoryInfo* object) const noexcept { api->ReleaseMemoryInfo(object); }
  void operator()(OrtTypeInfo* object) const noexcept { api->ReleaseTypeInfo(object); }
  void operator()(OrtTensorTypeAndShapeInfo* object) const noexcept { api->ReleaseTensorTypeAndShapeInfo(object); }
  void operator()(OrtModelMetadata* object) const noexcept { api->ReleaseModelMetadata(object); }
  void operator()(OrtAllocator* object) const noexcept { api->ReleaseAllocator(object); }
  void operator()(OrtIoBinding* object) const noexcept { api->ReleaseIoBinding(object); }
  void operator()(OrtCUDAProviderOptionsV2* object) const noexcept { api->ReleaseCUDAProviderOptions(object); }
  void operator()(OrtTensorRTProviderOptionsV2* object) const noexcept { api->ReleaseTensorRTProviderOptions(object); }
};
template <typename T>
using OrtOwner = std::unique_ptr<T, OrtDeleter>;

// Frees status and gives what it says; a null status is success. fallback stands for ORT_FAIL, ORT_EP_FAIL and
// ORT_RUNTIME_EXCEPTION.
Status take(const OrtApi& api, OrtStatus* status, StatusCode fallback);

// Calls create(&object) and owns the object, or gives the error.
template <typename T, typename Create>
Result<OrtOwner<T>> make_owner(const OrtApi& api, StatusCode fallback, Create create) {
  T* object = nullptr;
  if (auto status = take(api, create(&object), fallback); !status.ok()) return status;
  return OrtOwner<T>(object, OrtDeleter{&api});
}

}  // namespace ocelli::onnxruntime
