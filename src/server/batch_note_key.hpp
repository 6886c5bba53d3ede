// batch_note_key(): what the findings about batching a model hold for.
#pragma once

#include <map>
#include <string>

#include "runtime/compile_options.hpp"
#include "runtime/model_signature.hpp"

namespace ocelli::server {

// Everything that decides how fast a model runs alone and in company, as text: a changed part makes another key.
struct BatchNoteKey {
  std::string model_digest;
  std::string target;                             // as the user named the device
  std::map<std::string, std::string> properties;  // plugin_config, the plan's and the device's own
  const CompileOptions& options;                  // shapes, batch, preprocessing, extension, requests
  const ExecutionInfo& info;                      // runtime and version, device, precision, streams, threads
  const ModelSignature& signature;
  std::string processor;    // its name
  unsigned processors = 0;  // that this process may use

  // All of it, one fact a line. Throws std::bad_alloc.
  [[nodiscard]] std::string text() const;
};

// Processors that this process may run on; at least 1.
unsigned usable_processors() noexcept;

}  // namespace ocelli::server
