#include "repository/folder_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <system_error>

namespace ocelli::repository {
namespace {

constexpr const char* kMark = ".in-use";
constexpr const char* kUnlockedMark = ".in-use.new";

}  // namespace

Result<std::unique_ptr<const FolderLock>> FolderLock::take(const std::filesystem::path& folder) {
  const auto unlocked = folder / kUnlockedMark;
  const int descriptor = ::open(unlocked.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  std::unique_ptr<const FolderLock> lock(new FolderLock(descriptor));
  // It gets its name when it is locked, so that nobody finds it before.
  if (descriptor < 0 || ::flock(descriptor, LOCK_EX | LOCK_NB) != 0 ||
      ::rename(unlocked.c_str(), (folder / kMark).c_str()) != 0) {
    return internal_error(
        fmt::format("{} cannot be marked as in use: {}", folder.string(), std::generic_category().message(errno)));
  }
  return lock;
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool FolderLock::left_behind(const std::filesystem::path& folder) noexcept try {
  struct stat found {};
  if (::lstat(folder.c_str(), &found) != 0 || !S_ISDIR(found.st_mode) || found.st_uid != ::geteuid()) return false;
  const FolderLock mark(::open((folder / kMark).c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  return mark.descriptor_ >= 0 && ::flock(mark.descriptor_, LOCK_EX | LOCK_NB) == 0;
} catch (const std::bad_alloc&) {
  return false;
}

}  // namespace ocelli::repository
