// SentFolder: the files of a model that came with the request to load it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "repository/folder_lock.hpp"
#include "serving/sent_model.hpp"

namespace ocelli::repository {

// OK for a relative path without control characters and backslashes, with '/' between its parts, none of which is
// empty, "." or "..", and whose first part is a version ("1/model.onnx", "1/variables/index") or, alone, a file
// ("mapping_config.json"); at most SentFolder::kMostParts parts of 255 bytes each. kInvalidArgument naming the path
// else. Pure.
Status check_sent_path(std::string_view path);

// A folder of version folders in the system's temporary folder, which only the server's user may enter. Lives as long
// as somebody holds it, then it is deleted with all that lies in it. Thread-safe.
class SentFolder {
 public:
  static constexpr std::size_t kMostFiles = serving::SentModel::kMostFiles;
  static constexpr std::size_t kMostBytes = std::size_t{4} << 30U;  // of all files together
  static constexpr std::size_t kMostParts = 8;

  // Writes all files. Errors: kInvalidArgument (a path, a path twice, more than kMostFiles or kMostBytes, no file of a
  // version), those of SentFile::read, kResourceExhausted (no room), kInternal (the folder cannot be made). Nothing is
  // left behind by an error.
  static Result<std::shared_ptr<const SentFolder>> write(const std::vector<serving::SentFile>& files);
  // Deletes the folders of servers of this user that were killed; how many.
  static std::size_t remove_left_behind() noexcept;
  ~SentFolder();
  SentFolder(const SentFolder&) = delete;
  SentFolder& operator=(const SentFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  explicit SentFolder(std::filesystem::path path) : path_(std::move(path)) {}
  [[nodiscard]] Status put(const serving::SentFile& file, std::size_t& room) const;

  const std::filesystem::path path_;
  std::unique_ptr<const FolderLock> lock_;
};

}  // namespace ocelli::repository
