#include "backends/openvino_c/worker/c_api.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "backends/openvino_text/error_text.hpp"

namespace ocelli::openvino_c {
namespace {

// Finds functions one after the other and remembers the first that is missing.
class Finder {
 public:
  explicit Finder(void* library) : library_(library) {}

  template <typename Function>
  void required(const char* name, Function*& function) {
    optional(name, function);
    if (!function && missing_.empty()) missing_ = name;
  }
  template <typename Function>
  void optional(const char* name, Function*& function) {
    function = reinterpret_cast<Function*>(::dlsym(library_, name));
  }
  [[nodiscard]] const std::string& missing() const { return missing_; }

 private:
  void* library_;
  std::string missing_;
};

void find_models(Finder& find, CApi& api) {
  find.required("ov_model_free", api.ov_model_free);
  find.required("ov_model_inputs_size", api.ov_model_inputs_size);
  find.required("ov_model_outputs_size", api.ov_model_outputs_size);
  find.required("ov_model_const_input_by_index", api.ov_model_const_input_by_index);
  find.required("ov_model_const_output_by_index", api.ov_model_const_output_by_index);
  find.required("ov_model_reshape_by_port_indexes", api.ov_model_reshape_by_port_indexes);
  find.required("ov_port_get_any_name", api.ov_port_get_any_name);
  find.required("ov_port_get_partial_shape", api.ov_port_get_partial_shape);
  find.required("ov_port_get_element_type", api.ov_port_get_element_type);
  find.required("ov_output_const_port_free", api.ov_output_const_port_free);
  find.required("ov_partial_shape_free", api.ov_partial_shape_free);
}

void find_core(Finder& find, CApi& api) {
  find.required("ov_get_openvino_version", api.ov_get_openvino_version);
  find.required("ov_version_free", api.ov_version_free);
  find.required("ov_get_error_info", api.ov_get_error_info);
  find.required("ov_free", api.ov_free);
  find.required("ov_core_create", api.ov_core_create);
  find.required("ov_core_free", api.ov_core_free);
  find.required("ov_core_get_available_devices", api.ov_core_get_available_devices);
  find.required("ov_available_devices_free", api.ov_available_devices_free);
  find.required("ov_core_get_property", api.ov_core_get_property);
  find.required("ov_core_read_model", api.ov_core_read_model);
  find.required("ov_core_compile_model", api.ov_core_compile_model);
  find.optional("ov_core_read_model_from_memory", api.ov_core_read_model_from_memory);
  find.optional("ov_core_read_model_from_memory_buffer", api.ov_core_read_model_from_memory_buffer);
  find.optional("ov_get_last_err_msg", api.ov_get_last_err_msg);
}

void find_runs(Finder& find, CApi& api) {
  find.required("ov_compiled_model_free", api.ov_compiled_model_free);
  find.required("ov_compiled_model_get_property", api.ov_compiled_model_get_property);
  find.required("ov_compiled_model_create_infer_request", api.ov_compiled_model_create_infer_request);
  find.required("ov_infer_request_free", api.ov_infer_request_free);
  find.required("ov_infer_request_set_input_tensor_by_index", api.ov_infer_request_set_input_tensor_by_index);
  find.required("ov_infer_request_set_output_tensor_by_index", api.ov_infer_request_set_output_tensor_by_index);
  find.required("ov_infer_request_get_output_tensor_by_index", api.ov_infer_request_get_output_tensor_by_index);
  find.required("ov_infer_request_start_async", api.ov_infer_request_start_async);
  find.required("ov_infer_request_wait", api.ov_infer_request_wait);
  find.required("ov_infer_request_cancel", api.ov_infer_request_cancel);
  find.required("ov_tensor_create_from_host_ptr", api.ov_tensor_create_from_host_ptr);
  find.required("ov_tensor_get_shape", api.ov_tensor_get_shape);
  find.required("ov_tensor_get_byte_size", api.ov_tensor_get_byte_size);
  find.required("ov_tensor_data", api.ov_tensor_data);
  find.required("ov_tensor_free", api.ov_tensor_free);
  find.required("ov_shape_free", api.ov_shape_free);
}

StatusCode code_of(int code, std::string_view text, StatusCode fallback) {
  if (code == c::kInferCancelled) return StatusCode::kCancelled;
  if (code == c::kParameterMismatch) fallback = StatusCode::kInvalidArgument;
  return openvino::code_of_error(text, fallback);
}

}  // namespace

Result<CApi> CApi::open(const std::string& library) {
  void* opened = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!opened) return unavailable(fmt::format("{} cannot be loaded: {}", library, ::dlerror()));
  CApi api{};
  Finder find(opened);
  find_core(find, api);
  find_models(find, api);
  find_runs(find, api);
  if (find.missing().empty()) return api;
  return unavailable(
      fmt::format("{} has no {}: it is not OpenVINO's C library of release 2022.3 or newer", library, find.missing()));
}

Status CApi::check(int code, StatusCode fallback) const {
  if (code == c::kOk) return {};
  std::string text;
  if (ov_get_last_err_msg) {
    if (const char* last = ov_get_last_err_msg()) text = openvino::readable_error(last);
  }
  if (text.empty()) {
    const char* known = ov_get_error_info(code);
    text = known ? known : fmt::format("error {}", code);
  }
  const StatusCode status = code_of(code, text, fallback);
  return {status, status == StatusCode::kCancelled ? "the run was cancelled" : text};
}

std::string CApi::take(char* text) const {
  if (!text) return "";
  std::string result(text);
  ov_free(text);
  return result;
}

}  // namespace ocelli::openvino_c
