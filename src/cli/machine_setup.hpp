// The machine that `ocelli devices` and `ocelli doctor` look at, and the runtimes of this process.
#pragma once

#include <memory>
#include <string>

#include "base/status.hpp"
#include "devices/runtime_registry.hpp"
#include "inventory/device_list.hpp"
#include "inventory/finding.hpp"
#include "inventory/machine.hpp"

namespace ocelli::cli {

// The runtimes of the server's own folder, with the settings that the server takes from the environment;
// openvino_legacy_dir, where it is not empty, wins over its variable.
std::unique_ptr<devices::RuntimeRegistry> installed_runtimes(const std::string& openvino_legacy_dir = "");

// Loads every runtime of the registry once and says what came of it. A program without any runtime, or without
// OpenVINO, has a problem; another one that does not load is a warning.
inventory::Findings load_runtimes(devices::RuntimeRegistry& registry);

// The running machine as this process sees it. Call load_runtimes() before: which ONNX Runtime was loaded decides what
// NVIDIA's driver must be able to do.
std::unique_ptr<inventory::Machine> this_machine();

// A machine below a root folder, seen as a user of that machine (by name or number; empty: as this process's).
// kInvalidArgument: the folder or the user does not exist.
Result<std::unique_ptr<inventory::Machine>> machine_at(const std::string& root, const std::string& user);

// Escape sequences of a terminal.
std::string colour_of(inventory::DeviceState state);
std::string colour_of(inventory::Verdict verdict);

}  // namespace ocelli::cli
