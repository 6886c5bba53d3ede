// OpenvinoModel: an ov::CompiledModel behind CompiledModel.
#pragma once

#include <iosfwd>
#include <map>
#include <memory>
#include <mutex>
#include <openvino/runtime/compiled_model.hpp>
#include <string>
#include <vector>

#include "backends/openvino/intermediate_memory.hpp"
#include "backends/openvino/mapped_file.hpp"
#include "backends/openvino/model_facts.hpp"
#include "runtime/compiled_model.hpp"

namespace ocelli::openvino {

class OpenvinoModel final : public CompiledModel {
 public:
  // file: what the compiled model reads its weights from; null when it holds them itself.
  OpenvinoModel(ov::CompiledModel compiled, ModelFacts facts, ExecutionInfo info,
                std::shared_ptr<const MappedFile> file = nullptr);
  ~OpenvinoModel() override;

  [[nodiscard]] const ModelSignature& signature() const noexcept override { return facts_.signature; }
  [[nodiscard]] const ExecutionInfo& info() const noexcept override { return info_; }
  [[nodiscard]] bool stateful() const noexcept override { return facts_.stateful; }
  [[nodiscard]] bool shapes_follow_inputs() const noexcept override { return facts_.shapes_follow_inputs; }
  [[nodiscard]] std::map<std::string, std::string> model_info() const override { return facts_.model_info; }
  Result<std::unique_ptr<InferRequest>> create_request() override;

  [[nodiscard]] const ModelFacts& facts() const noexcept { return facts_; }
  // The compiled form for the cache. Throws what OpenVINO throws.
  void write(std::ostream& stream) { compiled_.export_model(stream); }
  // While nobody else has the model.
  void add_note(const std::string& note) { info_.note = info_.note.empty() ? note : note + "; " + info_.note; }

 private:
  const std::shared_ptr<const MappedFile> file_;  // before compiled_, which goes first
  ov::CompiledModel compiled_;
  std::mutex creating_;
  const ModelFacts facts_;
  ExecutionInfo info_;
  IntermediateMemory intermediate_;
  const std::vector<bool> narrow_;  // by input
};

}  // namespace ocelli::openvino
