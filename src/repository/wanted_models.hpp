// WantedModels: what the command line or config.json wants to be served.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/status.hpp"
#include "repository/config_file.hpp"
#include "repository/repository_options.hpp"

namespace ocelli::repository {

// Not thread-safe.
class WantedModels {
 public:
  // Single-model mode: the models of the options, for ever. Config mode: nothing until refresh().
  WantedModels(const RepositoryOptions& options, Log log);

  // What refresh() has found.
  struct Refresh {
    bool changed = false;  // the file differs from what was read before, and is valid
    Status failure;        // why it could not be read, or is refused; what was read before stays
  };
  // Config mode: reads the file if its MD5 differs from that of the last attempt, or anyway with force.
  Refresh refresh(bool force);

  [[nodiscard]] const std::vector<ModelEntry>& models() const noexcept { return file_.models; }
  [[nodiscard]] const std::vector<PipelineEntry>& pipelines() const noexcept { return file_.pipelines; }

 private:
  void report_unusable() const;

  const std::string path_;
  const std::function<Status(const std::optional<MonitoringConfig>&)> on_monitoring_;
  const Log log_;
  ConfigFile file_;
  std::string digest_;     // of what was read successfully
  std::string attempted_;  // of what was tried last
  std::string problem_;    // as logged last
};

}  // namespace ocelli::repository
