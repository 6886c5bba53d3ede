// IntermediateMemory: what OpenVINO keeps between the runs of a model, and gives back when it was asked for too much.
#pragma once

#include <cstddef>
#include <openvino/runtime/compiled_model.hpp>

#include "runtime/usual_size.hpp"

namespace ocelli::openvino {

// OpenVINO's CPU keeps the memory of a model's intermediate tensors for the largest run that it ever had. Here it is
// freed once runs have become much smaller (UsualSize::kHostFactor). Thread-safe.
class IntermediateMemory {
 public:
  // compiled must outlive this object. can_go: false for models that always need the same, for those with state, and
  // on devices on which giving back was not tried.
  IntermediateMemory(ov::CompiledModel& compiled, bool can_go) noexcept : compiled_(compiled), can_go_(can_go) {}

  [[nodiscard]] bool can_go() const noexcept { return can_go_; }
  // Behind each run, before anybody is told of its end; input_bytes: of all its inputs. Takes as long as the system
  // takes to free the memory, at worst some tens of milliseconds behind a run that took seconds. OpenVINO refuses while
  // other runs go on; then a later run tries again.
  void after_run(std::size_t input_bytes) noexcept;

 private:
  ov::CompiledModel& compiled_;
  const bool can_go_;
  UsualSize usual_{UsualSize::kHostFactor};
};

}  // namespace ocelli::openvino
