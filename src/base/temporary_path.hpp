// temporary_path(): where a file is written before it takes its name.
#pragma once

#include <filesystem>
#include <string_view>

namespace ocelli {

// The extension of all such files.
constexpr std::string_view kTemporaryExtension = ".partial";

// A name beside target that nobody else uses: 64 random bits are in it, because in containers process ids are the same
// everywhere and a folder may be shared between machines. Thread-safe. Throws std::bad_alloc.
std::filesystem::path temporary_path(const std::filesystem::path& target);

}  // namespace ocelli
