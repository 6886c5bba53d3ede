// OpenvinoModel: an ov::CompiledModel behind CompiledModel.
#pragma once

#include <map>
#include <mutex>
#include <openvino/runtime/compiled_model.hpp>
#include <string>

#include "backends/openvino/model_facts.hpp"
#include "runtime/compiled_model.hpp"

namespace ocelli::openvino {

class OpenvinoModel final : public CompiledModel {
 public:
  OpenvinoModel(ov::CompiledModel compiled, ModelFacts facts, ExecutionInfo info);
  ~OpenvinoModel() override;

  [[nodiscard]] const ModelSignature& signature() const noexcept override { return facts_.signature; }
  [[nodiscard]] const ExecutionInfo& info() const noexcept override { return info_; }
  [[nodiscard]] bool stateful() const noexcept override { return facts_.stateful; }
  [[nodiscard]] std::map<std::string, std::string> model_info() const override { return facts_.model_info; }
  Result<std::unique_ptr<InferRequest>> create_request() override;

 private:
  ov::CompiledModel compiled_;
  std::mutex creating_;
  const ModelFacts facts_;
  const ExecutionInfo info_;
};

}  // namespace ocelli::openvino
