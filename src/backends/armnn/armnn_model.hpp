// ArmnnModel: a network loaded into ARM NN behind CompiledModel.
#pragma once

#include <memory>
#include <vector>

#include "backends/armnn/network_copies.hpp"
#include "backends/armnn/network_file.hpp"
#include "runtime/compiled_model.hpp"

namespace ocelli::arm_nn {

class ArmnnModel final : public CompiledModel {
 public:
  ArmnnModel(std::unique_ptr<NetworkCopies> copies, ModelSignature signature, std::vector<NetworkFile::Binding> inputs,
             std::vector<NetworkFile::Binding> outputs, ExecutionInfo info)
      : signature_(std::move(signature)),
        inputs_(std::move(inputs)),
        outputs_(std::move(outputs)),
        info_(std::move(info)),
        copies_(std::move(copies)) {}

  [[nodiscard]] const ModelSignature& signature() const noexcept override { return signature_; }
  [[nodiscard]] const ExecutionInfo& info() const noexcept override { return info_; }
  // ARM NN knows every shape when it loads a network.
  [[nodiscard]] bool shapes_follow_inputs() const noexcept override { return true; }
  Result<std::unique_ptr<InferRequest>> create_request() override;

  // For the requests, in the signature's order.
  [[nodiscard]] const std::vector<NetworkFile::Binding>& inputs() const noexcept { return inputs_; }
  [[nodiscard]] const std::vector<NetworkFile::Binding>& outputs() const noexcept { return outputs_; }
  [[nodiscard]] NetworkCopies& copies() noexcept { return *copies_; }

 private:
  const ModelSignature signature_;
  const std::vector<NetworkFile::Binding> inputs_;
  const std::vector<NetworkFile::Binding> outputs_;
  const ExecutionInfo info_;
  std::unique_ptr<NetworkCopies> copies_;
};

}  // namespace ocelli::arm_nn
