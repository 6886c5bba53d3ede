// parse_config(): any text gives a configuration whose entries are usable or say why not, or an error that says what is
// wrong.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "repository/config_file.hpp"
#include "repository/model_parameters.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto file = ocelli::repository::parse_config(text, "/models");
  if (!file.ok()) return file.status().message().empty() ? (std::abort(), 0) : 0;
  for (const auto& model : file->models) {
    if (!model.status.ok()) continue;
    if (!ocelli::repository::check_model(model.config).ok()) std::abort();
    // An override that changes nothing must give the same configuration again.
    const auto same = ocelli::repository::override_model(model.config, "{}");
    if (!same.ok() || !(same->config == model.config)) std::abort();
  }
  for (const auto& pipeline : file->pipelines) {
    for (const auto& node : pipeline.definition.nodes) {
      if (node.demultiply_count && (*node.demultiply_count == 0 || *node.demultiply_count > 10'000)) std::abort();
    }
  }
  return 0;
}
