// LoneModel: the model of single-model mode, compiled as the server compiles it but for itself.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/status.hpp"
#include "devices/runtime_registry.hpp"
#include "repository/repository_options.hpp"
#include "runtime/compiled_model.hpp"

namespace ocelli::server {

// The version that would be served, on the first device of its plan. Blocks. options.models must hold the model;
// runtimes must outlive the result. Errors: no version, or those of compiling.
Result<std::shared_ptr<CompiledModel>> compile_lone_model(const repository::RepositoryOptions& options,
                                                          const std::vector<std::string>& simulated_devices,
                                                          devices::RuntimeRegistry& runtimes, const Log& log);

}  // namespace ocelli::server
