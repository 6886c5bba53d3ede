// CApi: OpenVINO's C functions out of a library that is opened at run time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.hpp"

namespace ocelli::openvino_c {

// The types behind the functions, as every release from 2022.3 on lays them out (openvino/c/*.h). Written down here
// because the headers of one release do not say what the library of another has.
namespace c {

struct Core;
struct Model;
struct CompiledModel;
struct InferRequest;
struct Port;
struct Tensor;

// ov_status_e; only those that are told apart.
inline constexpr int kOk = 0;
inline constexpr int kParameterMismatch = -4;
inline constexpr int kInferCancelled = -13;

// ov_shape_t, ov_dimension_t, ov_partial_shape_t, ov_available_devices_t, ov_version_t.
struct Shape {
  std::int64_t rank;
  std::int64_t* dims;
};
struct Dimension {
  std::int64_t min;
  std::int64_t max;
};
struct PartialShape {
  Dimension rank;
  Dimension* dims;
};
struct AvailableDevices {
  char** devices;
  std::size_t size;
};
struct Version {
  const char* build_number;
  const char* description;
};

}  // namespace c

// The functions that this worker needs; all but those in the last group exist, with these parameters, from OpenVINO
// 2022.3 to today. Copyable; the library is never closed.
struct CApi {
  int (*ov_get_openvino_version)(c::Version*);
  void (*ov_version_free)(c::Version*);
  const char* (*ov_get_error_info)(int);
  void (*ov_free)(const char*);

  int (*ov_core_create)(c::Core**);
  void (*ov_core_free)(c::Core*);
  int (*ov_core_get_available_devices)(const c::Core*, c::AvailableDevices*);
  void (*ov_available_devices_free)(c::AvailableDevices*);
  int (*ov_core_get_property)(const c::Core*, const char* device, const char* key, char** value);
  int (*ov_core_read_model)(const c::Core*, const char* path, const char* weights, c::Model**);
  // argument_count counts keys and values alike.
  int (*ov_core_compile_model)(const c::Core*, const c::Model*, const char* device, std::size_t argument_count,
                               c::CompiledModel**, ...);

  void (*ov_model_free)(c::Model*);
  int (*ov_model_inputs_size)(const c::Model*, std::size_t*);
  int (*ov_model_outputs_size)(const c::Model*, std::size_t*);
  int (*ov_model_const_input_by_index)(const c::Model*, std::size_t, c::Port**);
  int (*ov_model_const_output_by_index)(const c::Model*, std::size_t, c::Port**);
  int (*ov_model_reshape_by_port_indexes)(const c::Model*, const std::size_t* ports, const c::PartialShape*,
                                          std::size_t count);

  int (*ov_port_get_any_name)(const c::Port*, char**);
  int (*ov_port_get_partial_shape)(const c::Port*, c::PartialShape*);
  int (*ov_port_get_element_type)(const c::Port*, int*);
  void (*ov_output_const_port_free)(c::Port*);
  void (*ov_partial_shape_free)(c::PartialShape*);

  void (*ov_compiled_model_free)(c::CompiledModel*);
  int (*ov_compiled_model_get_property)(const c::CompiledModel*, const char* key, char** value);
  int (*ov_compiled_model_create_infer_request)(const c::CompiledModel*, c::InferRequest**);

  void (*ov_infer_request_free)(c::InferRequest*);
  int (*ov_infer_request_set_input_tensor_by_index)(c::InferRequest*, std::size_t, const c::Tensor*);
  int (*ov_infer_request_set_output_tensor_by_index)(c::InferRequest*, std::size_t, const c::Tensor*);
  int (*ov_infer_request_get_output_tensor_by_index)(const c::InferRequest*, std::size_t, c::Tensor**);
  int (*ov_infer_request_start_async)(c::InferRequest*);
  int (*ov_infer_request_wait)(c::InferRequest*);
  int (*ov_infer_request_cancel)(c::InferRequest*);

  int (*ov_tensor_create_from_host_ptr)(int type, c::Shape, void* data, c::Tensor**);
  int (*ov_tensor_get_shape)(const c::Tensor*, c::Shape*);
  int (*ov_tensor_get_byte_size)(const c::Tensor*, std::size_t*);
  int (*ov_tensor_data)(const c::Tensor*, void**);
  void (*ov_tensor_free)(c::Tensor*);
  int (*ov_shape_free)(c::Shape*);

  // Null where a release does not have them. Reading a model out of memory was renamed when it got a length; the text
  // of the last error came after 2022.3, which only has one text for each code.
  int (*ov_core_read_model_from_memory)(const c::Core*, const char* text, const c::Tensor*, c::Model**);
  int (*ov_core_read_model_from_memory_buffer)(const c::Core*, const char* text, std::size_t, const c::Tensor*,
                                               c::Model**);
  const char* (*ov_get_last_err_msg)();

  // Opens the library and finds the functions. Errors: kUnavailable with the loader's reason or the missing function.
  static Result<CApi> open(const std::string& library);

  // A call's code as a Status; fallback is what a general failure means there. The text is the runtime's.
  [[nodiscard]] Status check(int code, StatusCode fallback) const;
  // Takes over a text of the library; empty for null.
  [[nodiscard]] std::string take(char* text) const;
};

}  // namespace ocelli::openvino_c
