// check_bundle(): whether the variables of a TensorFlow SavedModel are whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

#include "base/status.hpp"

namespace ocelli::tensor_bundle {

// Largest index that is read; a name and 30 bytes for each variable are usual.
inline constexpr std::size_t kMostIndexBytes = std::size_t{256} << 20;

// Checks variables/variables.index in the folder of a SavedModel, as far as its checksums go, and that the files beside
// it have as many bytes as it says; weights themselves are not read. A folder without that file is fine: a model may
// have no variables. Errors: kInternal, which names the file and what is wrong with it. Layout: TensorFlow's
// tensor_bundle.proto. Thread-safe.
Status check_bundle(const std::filesystem::path& saved_model);

// The same of an index in memory. shard_bytes: how many bytes the data file of that number has; empty: it is missing.
Status check_bundle_index(std::string_view index,
                          const std::function<std::optional<std::uintmax_t>(std::uint64_t shard)>& shard_bytes);

}  // namespace ocelli::tensor_bundle
