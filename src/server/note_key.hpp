// NoteKey: what measurements that are kept for the next start hold for.
#pragma once

#include <map>
#include <string>

#include "runtime/compile_options.hpp"
#include "runtime/model_signature.hpp"
#include "runtime/runtime.hpp"

namespace ocelli::server {

// Everything that decides how fast a model runs alone and in company, as text: a changed part makes another key.
struct NoteKey {
  std::string model_digest;
  std::string target;                             // as the user named the device
  std::map<std::string, std::string> properties;  // plugin_config, the plan's and the device's own
  const CompileOptions& options;                  // shapes, batch, preprocessing, extension, requests
  std::string processor;                          // its name
  unsigned processors = 0;                        // that this process may use

  // All of it, one fact a line. Throws std::bad_alloc.
  [[nodiscard]] std::string text() const;
};

// What is known of a compiled model: runtime and version, device, precision, streams, threads, tensors.
std::string compiled_text(const ExecutionInfo& info, const ModelSignature& signature);
// What is known of a device before anything is compiled for it, as its runtime names it: the runtime's version, the
// device's full name and driver. May load the device's libraries.
std::string device_text(Runtime& runtime, const std::string& device);

// Processors that this process may run on; at least 1.
unsigned usable_processors() noexcept;

}  // namespace ocelli::server
