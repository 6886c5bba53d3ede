#include "base/folder_entries.hpp"

#include <system_error>

namespace ocelli {

std::vector<std::filesystem::directory_entry> folder_entries(const std::filesystem::path& folder) {
  std::vector<std::filesystem::directory_entry> entries;
  std::error_code error;
  std::filesystem::directory_iterator it(folder, error);
  for (const std::filesystem::directory_iterator end; !error && it != end; it.increment(error)) entries.push_back(*it);
  return entries;
}

}  // namespace ocelli
