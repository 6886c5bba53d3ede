#include "protocols/health/health_source.hpp"

#include <algorithm>

namespace ocelli::health {

ServingStatus HealthSource::status_of(std::string_view service) const {
  const auto status = [](bool serving) { return serving ? ServingStatus::kServing : ServingStatus::kNotServing; };
  if (service.empty() || std::find(services_.begin(), services_.end(), service) != services_.end())
    return status(ready_());
  const auto model = catalog_.status(service, {});
  if (!model.ok()) return ServingStatus::kServiceUnknown;
  return status(std::any_of(model->versions.begin(), model->versions.end(),
                            [](const auto& version) { return version.state == serving::VersionState::kAvailable; }));
}

}  // namespace ocelli::health
