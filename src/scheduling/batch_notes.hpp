// BatchNotes: what was found out about batching a model on a device, kept in the cache folder for the next start.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/log.hpp"
#include "scheduling/batch_findings.hpp"

namespace ocelli::scheduling {

// One model on one device. Immutable and thread-safe; several processes may share the folder.
class BatchNotes {
 public:
  // key: everything that the findings depend on, as text: the model's digest, device, library and its version,
  // settings, processor. The settings of batching itself are added by whoever asks.
  BatchNotes(std::filesystem::path folder, std::string key, Log log);

  // Empty when there are none, or none that can be trusted; never an error.
  [[nodiscard]] std::optional<BatchFindings> find(const std::string& settings) const noexcept;
  // A folder that is full or read-only is a line in the log.
  void keep(const std::string& settings, const BatchFindings& findings) const noexcept;

 private:
  [[nodiscard]] std::filesystem::path path_of(const std::string& whole_key) const;

  const std::filesystem::path folder_;
  const std::string key_;
  const Log log_;
};

}  // namespace ocelli::scheduling
