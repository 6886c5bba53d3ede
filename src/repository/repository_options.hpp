// RepositoryOptions: what the command line says about the models to serve.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/status.hpp"
#include "repository/config_file.hpp"
#include "repository/model_config.hpp"

namespace ocelli::repository {

struct RepositoryOptions {
  // Single-model mode: the models named on the command line. Ignored when config_path is not empty.
  std::vector<ModelConfig> models;
  // Config mode: path of config.json.
  std::string config_path;
  // Config mode: told what "monitoring" says each time that the file was read, before anything else of it is used. An
  // error refuses the whole file. One call at a time, on the threads of passes; empty: nobody follows it.
  std::function<Status(const std::optional<MonitoringConfig>&)> on_monitoring;
  // Explicit control (Triton's --model-control-mode=explicit): nothing is loaded at start but what load_at_start names
  // ("*": everything); load() and unload() decide.
  bool explicit_control = false;
  std::vector<std::string> load_at_start;

  // --file_system_poll_wait_seconds; 0: never looks by itself.
  std::chrono::milliseconds poll_interval{1000};
  // --cache_dir; empty: no compiled-model cache. The caller applies the default (/opt/cache when it exists).
  std::string cache_dir;
  // --cpu_extension; empty: none.
  std::string cpu_extension;
  // Global --nireq for models that do not set theirs; 0: the device's optimum.
  std::uint32_t nireq = 0;

  // Models loading at the same time, 1..64; 0: half of the cores, at least one.
  std::uint32_t load_threads = 0;
  // How long a request for a version that is LOADING waits (OVMS: ten seconds).
  std::chrono::milliseconds load_wait{10'000};
};

}  // namespace ocelli::repository
