#include "repository/wanted_models.hpp"

#include <fmt/format.h>

namespace ocelli::repository {

WantedModels::WantedModels(const RepositoryOptions& options, Log log)
    : path_(options.config_path), on_monitoring_(options.on_monitoring), log_(std::move(log)) {
  if (!path_.empty()) return;
  for (const auto& model : options.models) file_.models.push_back({model, {}});
}

WantedModels::Refresh WantedModels::refresh(bool force) {
  if (path_.empty()) return {};
  if (!force) {
    const auto digest = config_digest(path_);
    if (digest.ok() && *digest == attempted_) return {};
    // Once is enough to tell that the file is away.
    if (!digest.ok() && !problem_.empty() && attempted_.empty()) return {false, digest.status()};
  }
  std::string digest;
  auto file = read_config(path_, &digest);
  attempted_ = digest;
  if (file.ok() && on_monitoring_) {
    if (auto status = on_monitoring_(file->monitoring); !status.ok())
      file = Status(status.code(), fmt::format("{}: monitoring: {}", path_, status.message()));
  }
  if (!file.ok()) {
    if (problem_ != file.status().message())
      log_.error("{}; what was configured before stays", file.status().message());
    problem_ = file.status().message();
    return {false, file.status()};
  }
  problem_.clear();
  const bool changed = digest != digest_;
  digest_ = digest;
  file_ = std::move(file).value();
  if (changed) report_unusable();
  return {changed, {}};
}

// What no pass will look at, told once per file. (Whatever else is wrong with an entry is told by its model.)
void WantedModels::report_unusable() const {
  for (const auto& entry : file_.unsupported)
    log_.warning("{} \"{}\" is not supported and is ignored", entry.kind, entry.name);
  if (file_.monitoring && file_.monitoring->endpoint_path != MonitoringConfig::kMetricsPath) {
    log_.warning("monitoring.metrics.endpoint_path \"{}\" has no effect: the page is at {}",
                 file_.monitoring->endpoint_path, MonitoringConfig::kMetricsPath);
  }
  const auto report_second = [this](const auto& entries) {
    for (const auto& entry : entries) {
      if (entry.status.code() == StatusCode::kAlreadyExists) log_.error("{}", entry.status.message());
    }
  };
  report_second(file_.models);
  report_second(file_.pipelines);
}

}  // namespace ocelli::repository
