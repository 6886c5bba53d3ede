// The devices that ONNX Runtime's providers stand for: "CPU", "CUDA.n", "TENSORRT.n".
#pragma once

#include <string>
#include <vector>

#include "backends/onnxruntime/device_request.hpp"
#include "backends/onnxruntime/ort_api.hpp"
#include "base/log.hpp"
#include "runtime/runtime.hpp"

namespace ocelli::onnxruntime {

// Whether this library was built with a provider; whether that provider's own libraries load shows when it is appended.
bool has_provider(const OrtLibrary& library, Provider provider);

// What can be asked for here, with reasons for what cannot be used.
std::vector<DeviceInfo> list_devices(const OrtLibrary& library, const Log& log);

}  // namespace ocelli::onnxruntime
