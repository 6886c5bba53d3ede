// NetworkFile: a .tflite or .armnn file as ARM NN's network, with the tensors that it takes and gives.
#pragma once

#include <armnn/INetwork.hpp>
#include <armnn/Tensor.hpp>
#include <cstddef>
#include <filesystem>
#include <vector>

#include "backends/armnn/model_summary.hpp"
#include "base/status.hpp"
#include "runtime/model_signature.hpp"
#include "runtime/model_source.hpp"

namespace ocelli::arm_nn {

struct NetworkFile {
  struct Binding {
    ::armnn::LayerBindingId id = 0;
    ::armnn::TensorInfo info;
  };
  ::armnn::INetworkPtr network{nullptr, [](::armnn::INetwork*) {}};
  ModelSummary summary;
  // In the same order.
  ModelSignature signature;
  std::vector<Binding> inputs;
  std::vector<Binding> outputs;
};

// The bytes of a model file. Errors: kNotFound, kInternal when it cannot be read; both name it.
Result<std::vector<std::uint8_t>> read_model_file(const std::filesystem::path& path);

// Errors: kInternal when the file is broken, kFailedPrecondition when this release of ARM NN lacks one of its operators
// or types; both name the file.
Result<NetworkFile> parse_network(const ModelSource& source, const std::vector<std::uint8_t>& content);

}  // namespace ocelli::arm_nn
