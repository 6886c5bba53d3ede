// NVIDIA's libraries that the providers need, found in Python wheels.
#pragma once

#include <filesystem>
#include <string>

#include "base/log.hpp"

namespace ocelli::onnxruntime {

// The wheels nvidia-* and tensorrt* lie beside the wheel that holds folder (ONNX Runtime's), where the loader does not
// look. Opened by path first, their libraries are found by name when a provider needs them. What is missing shows when
// the provider is loaded. The loader's own search (LD_LIBRARY_PATH, /etc/ld.so.conf) still serves what is not there.
void open_nvidia_wheels(const std::filesystem::path& folder, const Log& log);

// Version of a loaded libnvinfer ("10.14.1"); "unknown" when none is loaded.
std::string tensorrt_version();

}  // namespace ocelli::onnxruntime
