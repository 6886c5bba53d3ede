#include "cli/file_update.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "base/clock.hpp"
#include "base/temporary_path.hpp"

namespace ocelli::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kAskAgain{20};

fs::path behind_links(const fs::path& file) {
  std::error_code error;
  if (!fs::is_symlink(file, error)) return file;
  auto target = fs::weakly_canonical(file, error);
  return error ? file : target;
}

bool write_all(int file, std::string_view text) {
  ssize_t count = 0;
  // A short write is followed by one that says why.
  while (!text.empty() && (count = ::write(file, text.data(), text.size())) > 0)
    text.remove_prefix(static_cast<std::size_t>(count));
  return text.empty();
}

// Who may not give files away keeps the new one; the mode comes last, because a new owner takes some of its bits.
bool keep_rights(int file, const fs::path& old) {
  struct stat about {};
  if (::stat(old.c_str(), &about) != 0) return true;
  static_cast<void>(::fchown(file, about.st_uid, about.st_gid) == 0);
  return ::fchmod(file, about.st_mode & 07777U) == 0;
}

}  // namespace

Result<std::unique_ptr<FileUpdate>> FileUpdate::begin(const fs::path& file) {
  auto target = behind_links(file);
  const auto parent = target.parent_path().empty() ? fs::path(".") : target.parent_path();
  const int folder = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  std::unique_ptr<FileUpdate> update(new FileUpdate(std::move(target), folder));
  const auto until = Clock::now() + kPatience;
  while (folder >= 0 && ::flock(folder, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) break;  // a file system without locks
    if (Clock::now() >= until)
      return unavailable(
          fmt::format("others have been updating files in {} for {} s", parent.string(), kPatience.count()));
    std::this_thread::sleep_for(kAskAgain);
  }
  return update;
}

FileUpdate::~FileUpdate() {
  if (folder_ >= 0) ::close(folder_);
}

Status FileUpdate::replace(std::string_view text) const {
  const auto temporary = temporary_path(target_);
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (file < 0) return internal_error(fmt::format("a file beside it cannot be created: {}", std::strerror(errno)));
  const char* failed =
      write_all(file, text) && keep_rights(file, target_) && ::fsync(file) == 0 ? nullptr : "writing failed";
  auto reason = errno;
  ::close(file);
  if (!failed && ::rename(temporary.c_str(), target_.c_str()) != 0) {
    failed = "it cannot be replaced";
    reason = errno;
  }
  if (!failed) return {};
  ::unlink(temporary.c_str());
  return internal_error(fmt::format("{}: {}", failed, std::strerror(reason)));
}

}  // namespace ocelli::cli
