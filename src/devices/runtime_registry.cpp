#include "devices/runtime_registry.hpp"

#include <chrono>

#include "base/folder_entries.hpp"

namespace ocelli::devices {
namespace {

constexpr std::string_view kPrefix = "libocelli_backend_";
constexpr std::string_view kSuffix = ".so";

}  // namespace

RuntimeRegistry::RuntimeRegistry(std::filesystem::path folder, const Log& log,
                                 std::map<std::string, BackendContext> contexts)
    : folder_(std::move(folder)), log_(log.channel("devices")), contexts_(std::move(contexts)) {
  for (const auto& entry : folder_entries(folder_)) {
    const std::string file = entry.path().filename();
    if (!file.starts_with(kPrefix) || !file.ends_with(kSuffix)) continue;
    slots_.emplace(file.substr(kPrefix.size(), file.size() - kPrefix.size() - kSuffix.size()),
                   std::make_shared<Slot>());
  }
}

void RuntimeRegistry::add(std::shared_ptr<Runtime> runtime) {
  auto added = std::make_shared<Slot>();
  added->tried = true;
  const std::string name(runtime->name());
  added->runtime = std::move(runtime);
  const std::lock_guard lock(mutex_);
  slots_[name] = std::move(added);
}

std::shared_ptr<RuntimeRegistry::Slot> RuntimeRegistry::slot(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto found = slots_.find(name);
  if (found != slots_.end()) return found->second;
  return slots_.emplace(std::string(name), std::make_shared<Slot>()).first->second;
}

Result<std::shared_ptr<Runtime>> RuntimeRegistry::get(std::string_view name) {
  const auto wanted = slot(name);
  const std::lock_guard lock(wanted->mutex);
  if (!wanted->tried) {
    wanted->tried = true;
    const auto given = contexts_.find(std::string(name));
    BackendContext context = given != contexts_.end() ? given->second : BackendContext{};
    context.log = log_.channel(std::string(name));
    const auto begin = std::chrono::steady_clock::now();
    auto loaded = load_backend(folder_, std::string(name), context);
    if (loaded.ok()) {
      wanted->runtime = *loaded;
      const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
      log_.info("Runtime {} {} loaded in {} ms", name, wanted->runtime->version(), took.count());
    } else {
      wanted->status = loaded.status();
      log_.warning("Runtime {} is not usable: {}", name, wanted->status.message());
    }
  }
  if (!wanted->runtime) return wanted->status;
  return wanted->runtime;
}

std::vector<RuntimeState> RuntimeRegistry::states() {
  std::vector<std::pair<std::string, std::shared_ptr<Slot>>> slots;
  {
    const std::lock_guard lock(mutex_);
    slots.assign(slots_.begin(), slots_.end());
  }
  std::vector<RuntimeState> states;
  for (const auto& [name, one] : slots) {
    const std::lock_guard lock(one->mutex);
    states.push_back({name, one->tried, one->status});
  }
  return states;
}

}  // namespace ocelli::devices
