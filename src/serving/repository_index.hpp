// The index of the repository as Triton's clients know it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serving/model_catalog.hpp"

namespace ocelli::serving {

// One version of a model; a model without any has one row without a version, which says why.
struct RepositoryRow {
  std::string_view name;  // of the status it was made of
  std::string version;
  std::string_view state;  // READY, LOADING, UNLOADING or UNAVAILABLE
  std::string_view reason;
};

// The rows of models, in their order. only_ready: those that serve. The views point into models.
std::vector<RepositoryRow> repository_index(std::span<const ModelStatus> models, bool only_ready);

}  // namespace ocelli::serving
