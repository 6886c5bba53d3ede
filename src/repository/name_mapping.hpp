// NameMapping: mapping_config.json, the names that clients use instead of the model's own.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/status.hpp"
#include "repository/model_config.hpp"
#include "runtime/compile_options.hpp"

namespace ocelli::repository {

// The names that clients use, by the model's own. Empty maps: no file.
struct NameMapping {
  std::map<std::string, std::string> inputs;
  std::map<std::string, std::string> outputs;

  friend bool operator==(const NameMapping&, const NameMapping&) = default;
};

// Reads version_folder/mapping_config.json; an empty mapping when there is none. kFailedPrecondition when it is not of
// the form
// {"inputs":{"tensor":"alias"},"outputs":{"tensor":"alias"}} or two tensors share an alias.
Result<NameMapping> read_name_mapping(const std::filesystem::path& version_folder);

// The entries of config.shapes and layouts under the model's own names. A key that is a model's own name while that
// tensor has an alias is kInvalidArgument: clients do not know that name, so it is taken for a mistake.
Result<std::map<std::string, ShapeParameter>> shapes_by_tensor(const ModelConfig& config, const NameMapping& mapping);
Result<std::map<std::string, std::string>> layouts_by_tensor(const ModelConfig& config, const NameMapping& mapping);

}  // namespace ocelli::repository
