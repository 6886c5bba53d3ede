#include "repository/load_override.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

namespace ocelli::repository {

Result<ModelEntry> load_override(const std::string& name, const ModelEntry* configured, const serving::SentModel& sent,
                                 const Log& log) {
  ModelConfig before = configured ? configured->config : ModelConfig{};
  before.name = name;
  if (!sent.files.empty()) before.base_path = "/files of the request";  // until they have a folder
  auto overridden = override_model(before, sent.config);
  if (!overridden.ok()) return overridden.status();
  if (!sent.files.empty() && overridden->config.base_path != before.base_path)
    return invalid_argument("config override: base_path: given beside files");
  if (!overridden->ignored.empty())
    log.info("Model {}: without a meaning here, and ignored: {}", name, fmt::join(overridden->ignored, ", "));
  ModelEntry result;
  result.config = std::move(overridden->config);
  return result;
}

}  // namespace ocelli::repository
