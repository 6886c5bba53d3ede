// PlanCompiler: makes a model ready on the devices of a plan.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/log.hpp"
#include "base/status.hpp"
#include "devices/device_plan.hpp"
#include "devices/runtime_registry.hpp"
#include "runtime/compile_options.hpp"
#include "runtime/compiled_model.hpp"
#include "runtime/model_source.hpp"

namespace ocelli::devices {

// A member of a plan that is ready to run. The runtime is held because it must outlive its models; members are
// destroyed in reverse order.
struct CompiledMember {
  std::shared_ptr<Runtime> runtime;
  std::unique_ptr<CompiledModel> model;
  std::string target;                       // as the user named it
  std::optional<std::uint32_t> requests{};  // limit in flight from "(n)"; empty: as options asked
  // What really runs; its note also says which better ways were passed over, and why.
  ExecutionInfo info;
};

// Whether each key of the plan's properties is known to a member at least, or to the list. A plan of one member is not
// looked at: its runtime refuses what it does not know. May load the runtimes of members. Errors: kInvalidArgument
// naming the key.
Status check_properties(const DevicePlan& plan, RuntimeRegistry& registry);

// Compiles one member by the first of its ways that works. options.device is ignored; the plan's and the member's own
// properties replace options.properties, without keys of a list that this member does not know. Blocks. The error names
// every way that was tried and its reason, under the code of the first one; a wrong parameter or a missing file ends
// the search. full_ends: so does a device without memory for the model, with kResourceExhausted, for a caller who can
// free memory and try again. Where the runtime does not say what the model takes, info has the size of its files.
Result<CompiledMember> compile_member(const DevicePlan& plan, const PlanMember& member, RuntimeRegistry& registry,
                                      const ModelSource& source, const CompileOptions& options, const Log& log,
                                      bool full_ends = false);

}  // namespace ocelli::devices
