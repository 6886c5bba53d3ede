// Which of NVIDIA's libraries our ONNX Runtime needs, and whether they are there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "inventory/machine.hpp"

namespace ocelli::inventory {

// One of ONNX Runtime's provider libraries and the libraries of NVIDIA that it needs.
struct ProviderLibrary {
  std::string path;                 // empty: this ONNX Runtime has no such provider
  std::string problem;              // it is there, but the loader would not take it, and why
  std::vector<std::string> needed;  // "libcudart.so.13", ...: NVIDIA's only
};

// Both providers, and where NVIDIA's libraries are looked for.
struct NvidiaLibraries {
  ProviderLibrary cuda;
  ProviderLibrary tensorrt;
  LibrarySearch search;  // with the folders of NVIDIA's wheels

  // Major version of the CUDA that the CUDA provider was built for; 0: there is no provider.
  [[nodiscard]] std::uint32_t cuda_major() const;
};

// Looks at $ONNXRUNTIME_ROOT/lib, then the folder that this program was built with.
NvidiaLibraries nvidia_libraries(const Machine& machine);

}  // namespace ocelli::inventory
