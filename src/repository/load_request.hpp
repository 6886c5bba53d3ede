// LoadRequest: from a model's configuration and one of its version folders to what a ServableFactory takes.
#pragma once

#include <filesystem>
#include <memory>

#include "base/status.hpp"
#include "observability/servable_metrics.hpp"
#include "repository/repository_options.hpp"
#include "repository/servable_factory.hpp"

namespace ocelli::repository {

// Finds the model file, reads mapping_config.json and fills the compile options; path is the version's folder, or the
// model file itself. Errors: kNotFound (no model file), kInvalidArgument (a parameter), kFailedPrecondition
// (mapping_config.json), kUnimplemented (custom loaders and MediaPipe graphs).
Result<ModelLoad> make_load(const ModelConfig& config, Version version, const std::filesystem::path& path,
                            const RepositoryOptions& options, std::shared_ptr<observability::ServableMetrics> metrics);

// The folder for compiled models; empty when this model must not use it: its batch or shape is auto and allow_cache is
// not set.
std::string cache_folder(const ModelConfig& config, const RepositoryOptions& options);

}  // namespace ocelli::repository
