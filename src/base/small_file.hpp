// Small files that are read and replaced whole.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/status.hpp"

namespace ocelli {

// All bytes of a regular file. Errors: kNotFound (no such file, or no regular one), kPayloadTooLarge (more than limit
// bytes), kInternal (cannot be read). Thread-safe.
Result<std::string> read_small_file(const std::filesystem::path& path, std::size_t limit);

// Makes the file hold bytes: they are written under a temporary name, which is then renamed, so that a reader sees the
// old file or the new one. The folder is made when it is missing. kInternal says what failed (folder full, read-only);
// then the old file is as it was and nothing half is left. Thread-safe, also against other processes: the last one
// wins.
Status replace_small_file(const std::filesystem::path& path, std::string_view bytes);

}  // namespace ocelli
