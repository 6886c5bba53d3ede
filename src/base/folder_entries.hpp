// folder_entries(): what is in a folder, without exceptions.
#pragma once

#include <filesystem>
#include <vector>

namespace ocelli {

// The entries of a folder in no order, without "." and "..". Empty when it is not there or may not be read; where the
// system fails in the middle, those that came before. A range-for over std::filesystem::directory_iterator would throw
// there. Thread-safe. Throws std::bad_alloc.
std::vector<std::filesystem::directory_entry> folder_entries(const std::filesystem::path& folder);

}  // namespace ocelli
