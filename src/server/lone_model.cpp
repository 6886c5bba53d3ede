#include "server/lone_model.hpp"

#include <fmt/format.h>

#include <utility>

#include "devices/automatic_devices.hpp"
#include "devices/device_plan.hpp"
#include "devices/plan_compiler.hpp"
#include "repository/load_request.hpp"
#include "repository/model_folder.hpp"
#include "server/planned_model.hpp"

namespace ocelli::server {

Result<std::shared_ptr<CompiledModel>> compile_lone_model(const repository::RepositoryOptions& options,
                                                          const std::vector<std::string>& simulated_devices,
                                                          devices::RuntimeRegistry& runtimes, const Log& log) {
  const auto& config = options.models.front();
  const auto folders = repository::scan_versions(config.base_path);
  if (!folders.ok()) return folders.status();
  std::vector<repository::Version> available;
  for (const auto& [version, path] : *folders) available.push_back(version);
  const auto served = repository::select_versions(config.version_policy, std::move(available));
  if (served.empty()) return not_found(fmt::format("{} holds no version to serve", config.base_path));
  const auto version = served.back();
  const auto load = repository::make_load(config, version, folders->at(version), options, nullptr);
  if (!load.ok()) return load.status();
  const auto plan = devices::make_plan(config.target_device, config.plugin_config, simulated_devices, [&] {
    return devices::automatic_devices(runtimes, !simulated_devices.empty());
  });
  if (!plan.ok()) return plan.status();
  auto members = devices::compile_plan(*plan, runtimes, load->source, load->options, log);
  if (!members.ok()) return members.status();
  return std::shared_ptr<CompiledModel>(std::make_shared<PlannedModel>(std::move(members->front())));
}

}  // namespace ocelli::server
