// FolderLock: marks a temporary folder as in use for as long as its process lives.
#pragma once

#include <filesystem>
#include <memory>

#include "base/status.hpp"

namespace ocelli::repository {

// The mark is a file in the folder that this process holds locked (flock): the system lets go of it however the process
// ends. Thread-safe.
class FolderLock {
 public:
  // Marks a folder that nothing has marked. Error: kInternal with the system's reason.
  static Result<std::unique_ptr<const FolderLock>> take(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  // Whether this user's processes marked the folder and none of them lives. False whenever that is not certain: a
  // folder without a mark may just have been made.
  static bool left_behind(const std::filesystem::path& folder) noexcept;

 private:
  explicit FolderLock(int descriptor) noexcept : descriptor_(descriptor) {}
  const int descriptor_;
};

}  // namespace ocelli::repository
