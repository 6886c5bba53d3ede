// COwner: objects of OpenVINO's C library that free themselves.
#pragma once

#include <memory>

#include "backends/openvino_c/worker/c_api.hpp"

namespace ocelli::openvino_c {

// Calls the right function of the library, which outlives every object.
struct CDeleter {
  const CApi* api = nullptr;
  void operator()(c::Core* object) const noexcept { api->ov_core_free(object); }
  void operator()(c::Model* object) const noexcept { api->ov_model_free(object); }
  void operator()(c::CompiledModel* object) const noexcept { api->ov_compiled_model_free(object); }
  void operator()(c::InferRequest* object) const noexcept { api->ov_infer_request_free(object); }
  void operator()(c::Port* object) const noexcept { api->ov_output_const_port_free(object); }
  void operator()(c::Tensor* object) const noexcept { api->ov_tensor_free(object); }
};
template <typename T>
using COwner = std::unique_ptr<T, CDeleter>;

// Calls create(&object) and owns the object, or gives the error under the code that a general failure means there.
template <typename T, typename Create>
Result<COwner<T>> make_owner(const CApi& api, StatusCode fallback, Create create) {
  T* object = nullptr;
  if (auto status = api.check(create(&object), fallback); !status.ok()) return status;
  return COwner<T>(object, CDeleter{&api});
}

}  // namespace ocelli::openvino_c
