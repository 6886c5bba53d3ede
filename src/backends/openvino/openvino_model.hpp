// OpenvinoModel: an ov::CompiledModel behind CompiledModel.
#pragma once

#include <map>
#include <openvino/runtime/compiled_model.hpp>
#include <string>

#include "runtime/compiled_model.hpp"

namespace ocelli::openvino {

class OpenvinoModel final : public CompiledModel {
 public:
  OpenvinoModel(ov::CompiledModel compiled, ModelSignature signature, ExecutionInfo info,
                std::map<std::string, std::string> model_info, bool stateful);
  ~OpenvinoModel() override;

  [[nodiscard]] const ModelSignature& signature() const noexcept override { return signature_; }
  [[nodiscard]] const ExecutionInfo& info() const noexcept override { return info_; }
  [[nodiscard]] bool stateful() const noexcept override { return stateful_; }
  [[nodiscard]] std::map<std::string, std::string> model_info() const override { return model_info_; }
  Result<std::unique_ptr<InferRequest>> create_request() override;

 private:
  ov::CompiledModel compiled_;
  const ModelSignature signature_;
  const ExecutionInfo info_;
  const std::map<std::string, std::string> model_info_;
  const bool stateful_;
};

}  // namespace ocelli::openvino
