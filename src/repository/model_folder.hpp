// ModelFolder: what lies on disk for a model.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string_view>

#include "base/status.hpp"
#include "repository/version_policy.hpp"
#include "runtime/model_source.hpp"

namespace ocelli::repository {

// "1" and "20" are versions; "0", "01", "-1", "v1" and numbers beyond 63 bits are not.
std::optional<Version> version_of_folder(std::string_view name) noexcept;

// The model in one version folder. Looked for in this order, by any base name, the alphabetically first of several:
// .xml with its .bin; .onnx; .pdmodel with its .pdiparams; .pb, or the folder itself (or one in it) as a SavedModel
// with saved_model.pb; .tflite; .armnn. kNotFound when there is none, with what was missing when something half fits.
Result<ModelSource> find_model_file(const std::filesystem::path& version_folder);

// A model file by its extension, for a base_path that is the file itself; empty for anything else.
std::optional<ModelSource> model_file(const std::filesystem::path& file);

// Folders of all versions, whether or not a model lies in them. A base_path that is one model file is version 1, its
// path being the file. kNotFound when base_path does not exist or is neither, kInternal when it cannot be read.
Result<std::map<Version, std::filesystem::path>> scan_versions(const std::filesystem::path& base_path);

}  // namespace ocelli::repository
