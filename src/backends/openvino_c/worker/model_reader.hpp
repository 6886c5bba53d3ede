// Reading, reshaping and compiling a model file through the C library.
#pragma once

#include "backends/openvino_c/protocol/message.hpp"
#include "backends/openvino_c/worker/c_owner.hpp"
#include "backends/openvino_c/worker/element_types.hpp"

namespace ocelli::openvino_c {

// A model that is ready to make requests.
struct ReadyModel {
  COwner<c::CompiledModel> compiled;
  ModelSignature signature;
  ExecutionInfo info;
  bool shapes_follow_inputs = false;  // CompiledModel::shapes_follow_inputs()
};

// Errors as Runtime::compile has them. Thread-safe.
Result<ReadyModel> compile_model(const CApi& api, const c::Core& core, const ElementTypes& types,
                                 const CompileModel& wanted);

// What the library lists; a device that answers no question is listed by its name.
Result<std::vector<WorkerDevice>> list_devices(const CApi& api, const c::Core& core);

// The library's release, "2022.3.0-9052-...".
std::string library_version(const CApi& api);

// MYRIAD and HDDL: their arithmetic is FP16, and a failed run means that the link is cut.
bool is_movidius(const std::string& device) noexcept;

}  // namespace ocelli::openvino_c
