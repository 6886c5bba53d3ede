#include "inventory/machine_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <deque>
#include <memory>

namespace ocelli::inventory {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxLinks = 40;            // as the kernel's own limit
constexpr std::size_t kMaxParts = 1024;  // a path's parts, links followed

FileKind kind_of(::mode_t mode) {
  if (S_ISREG(mode)) return FileKind::kFile;
  if (S_ISDIR(mode)) return FileKind::kFolder;
  if (S_ISCHR(mode) || S_ISBLK(mode)) return FileKind::kNode;
  if (S_ISSOCK(mode)) return FileKind::kSocket;
  return FileKind::kOther;
}

FileKind failure_of(int error) {
  return error == ENOENT || error == ENOTDIR ? FileKind::kAbsent : FileKind::kUnreadable;
}

// Puts the parts of a path before those that are still to be walked.
void push_parts(std::deque<std::string>& parts, std::string_view path) {
  std::vector<std::string> found;
  while (!path.empty()) {
    const auto slash = path.find('/');
    if (slash > 0) found.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  parts.insert(parts.begin(), found.begin(), found.end());
}

std::optional<std::string> read_link(const fs::path& path) {
  std::array<char, PATH_MAX> target{};
  const auto length = ::readlink(path.c_str(), target.data(), target.size());
  if (length < 0 || static_cast<std::size_t>(length) >= target.size()) return std::nullopt;
  return std::string(target.data(), static_cast<std::size_t>(length));
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  int number_;
};

}  // namespace

MachineFiles::MachineFiles(fs::path root) : root_(std::move(root)) {
  std::error_code error;
  const auto absolute = fs::canonical(root_, error);
  if (!error) root_ = absolute;
}

MachineFiles::Resolved MachineFiles::resolve(std::string_view path, bool follow_last) const {
  std::deque<std::string> parts;
  push_parts(parts, path);
  fs::path inside;
  int links = 0;
  std::size_t walked = 0;
  while (!parts.empty()) {
    if (++walked > kMaxParts) return {FileKind::kUnreadable, {}};
    const std::string part = std::move(parts.front());
    parts.pop_front();
    if (part == ".") continue;
    if (part == "..") {
      inside = inside.parent_path();
      continue;
    }
    const fs::path next = inside / part;
    struct stat info {};
    if (::lstat((root_ / next).c_str(), &info) != 0) return {failure_of(errno), {}};
    if (!S_ISLNK(info.st_mode) || (parts.empty() && !follow_last)) {
      inside = next;
      continue;
    }
    const auto target = read_link(root_ / next);
    if (!target || ++links > kMaxLinks) return {FileKind::kUnreadable, {}};
    if (target->starts_with('/')) inside.clear();
    push_parts(parts, *target);
  }
  return {FileKind::kFile, inside};
}

FileFacts MachineFiles::facts(std::string_view path) const {
  const auto resolved = resolve(path, true);
  FileFacts result;
  result.kind = resolved.failure;
  if (resolved.failure != FileKind::kFile) return result;
  struct stat info {};
  if (::lstat((root_ / resolved.inside).c_str(), &info) != 0) {
    result.kind = failure_of(errno);
    return result;
  }
  return {kind_of(info.st_mode), info.st_mode & 07777U, info.st_uid, info.st_gid,
          static_cast<std::uint64_t>(std::max<::off_t>(info.st_size, 0))};
}

bool MachineFiles::is_device(std::string_view path) const {
  const auto kind = facts(path).kind;
  return kind == FileKind::kNode || (kind == FileKind::kFile && !is_live());
}

std::optional<std::string> MachineFiles::bytes(std::string_view path, std::uint64_t offset, std::size_t count) const {
  const auto resolved = resolve(path, true);
  if (resolved.failure != FileKind::kFile) return std::nullopt;
  // Not blocking, so that a pipe in the file's place cannot hold us.
  const Descriptor file(::open((root_ / resolved.inside).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat info {};
  if (file.number() < 0 || ::fstat(file.number(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  std::string result;
  std::array<char, 65536> block{};
  while (result.size() < count) {
    const auto wanted = std::min(block.size(), count - result.size());
    const auto got = ::pread(file.number(), block.data(), wanted, static_cast<::off_t>(offset + result.size()));
    if (got < 0) return result.empty() ? std::nullopt : std::optional(result);
    if (got == 0) break;
    result.append(block.data(), static_cast<std::size_t>(got));
  }
  return result;
}

std::optional<std::string> MachineFiles::text(std::string_view path, std::size_t limit) const {
  return bytes(path, 0, limit);
}

std::string MachineFiles::line(std::string_view path) const {
  auto all = text(path, 4096).value_or("");
  all.resize(std::min(all.find('\n'), all.size()));
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\0'; };
  while (!all.empty() && is_blank(all.back())) all.pop_back();
  all.erase(0, static_cast<std::size_t>(std::find_if_not(all.begin(), all.end(), is_blank) - all.begin()));
  return all;
}

std::vector<std::string> MachineFiles::names(std::string_view path) const {
  std::vector<std::string> result;
  const auto resolved = resolve(path, true);
  if (resolved.failure != FileKind::kFile) return result;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir((root_ / resolved.inside).c_str()), ::closedir);
  if (!folder) return result;
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    result.emplace_back(name);
    if (result.size() == kNamesLimit) break;
  }
  std::sort(result.begin(), result.end());
  return result;
}

std::string MachineFiles::link_name(std::string_view path) const {
  const auto resolved = resolve(path, false);
  if (resolved.failure != FileKind::kFile) return "";
  const auto target = read_link(root_ / resolved.inside);
  return target ? fs::path(*target).filename().string() : "";
}

std::string MachineFiles::real_path(std::string_view path) const {
  const auto resolved = resolve(path, true);
  return resolved.failure == FileKind::kFile ? "/" + resolved.inside.string() : "";
}

fs::path MachineFiles::host_path(std::string_view path) const {
  while (path.starts_with('/')) path.remove_prefix(1);
  return root_ / fs::path(path);
}

}  // namespace ocelli::inventory
