// PlannedModel: a compiled model together with the runtime that it needs and what its plan knows about it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "devices/plan_compiler.hpp"
#include "runtime/compiled_model.hpp"

namespace ocelli::server {

// Keeps the runtime alive for as long as the model; info() says which better ways were passed over.
class PlannedModel final : public CompiledModel {
 public:
  explicit PlannedModel(devices::CompiledMember member) : member_(std::move(member)) {}

  [[nodiscard]] const ModelSignature& signature() const noexcept override { return member_.model->signature(); }
  [[nodiscard]] const ExecutionInfo& info() const noexcept override { return member_.info; }
  [[nodiscard]] bool stateful() const noexcept override { return member_.model->stateful(); }
  [[nodiscard]] bool shapes_follow_inputs() const noexcept override { return member_.model->shapes_follow_inputs(); }
  [[nodiscard]] std::map<std::string, std::string> model_info() const override { return member_.model->model_info(); }
  Result<std::unique_ptr<InferRequest>> create_request() override { return member_.model->create_request(); }

  // Runs in flight that the user asked for with "(n)"; 0: not asked.
  [[nodiscard]] std::uint32_t requests() const noexcept { return member_.requests.value_or(0); }

 private:
  devices::CompiledMember member_;
};

}  // namespace ocelli::server
