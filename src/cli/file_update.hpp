// FileUpdate: a file that is read, changed and replaced while others may want to do the same.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string_view>

#include "base/status.hpp"

namespace ocelli::cli {

// For as long as it lives no other FileUpdate of the same folder does, in any process (flock on the folder).
class FileUpdate {
 public:
  static constexpr std::chrono::seconds kPatience{10};

  // Waits for others, kPatience at most. A folder that cannot be opened is told by replace(). Errors: kUnavailable, who
  // came before has not ended in time.
  static Result<std::unique_ptr<FileUpdate>> begin(const std::filesystem::path& file);
  ~FileUpdate();
  FileUpdate(const FileUpdate&) = delete;
  FileUpdate& operator=(const FileUpdate&) = delete;

  // Makes the file hold text: written beside it, flushed to disk, renamed over it, so that a reader sees the old file
  // or the new one. Mode and owner stay as they were; a new file is 0644 less the umask. A link stays one: the file
  // that it leads to is replaced. Errors: kInternal with the system's reason; nothing is left beside the file then.
  Status replace(std::string_view text) const;

 private:
  FileUpdate(std::filesystem::path target, int folder) : target_(std::move(target)), folder_(folder) {}
  const std::filesystem::path target_;
  const int folder_;  // -1: it could not be opened
};

}  // namespace ocelli::cli
