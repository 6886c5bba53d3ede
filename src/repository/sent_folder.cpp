#include "repository/sent_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <system_error>
#include <utility>

#include "repository/model_folder.hpp"

namespace ocelli::repository {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostPart = 255;
constexpr std::string_view kFolderName = "ocelli-model-";

Status bad_path(std::string_view path, std::string_view why) {
  constexpr std::size_t kShown = 200;
  return invalid_argument(fmt::format("file \"{}\": {}", path.substr(0, kShown), why));
}

// An open file that is closed in the end.
class OpenFile {
 public:
  explicit OpenFile(const fs::path& path)
      : descriptor_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) {}
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }
  // False with errno set.
  [[nodiscard]] bool write(std::span<const std::byte> bytes) const noexcept {
    while (!bytes.empty()) {
      const auto written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return false;
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return true;
  }

 private:
  const int descriptor_;
};

Status not_written(std::string_view path, int error) {
  const auto text = fmt::format("file \"{}\" cannot be kept in the temporary folder: {}", path,
                                std::generic_category().message(error));
  return error == ENOSPC || error == EDQUOT ? Status(StatusCode::kResourceExhausted, text) : internal_error(text);
}

}  // namespace

Status check_sent_path(std::string_view path) {
  if (path.empty()) return bad_path(path, "a path expected");
  if (std::ranges::any_of(path, [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '\\'; }))
    return bad_path("...", "control characters and \\ are not allowed in the path");
  std::size_t parts = 0;
  std::string_view first;
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find('/', begin), path.size());
    const auto part = path.substr(begin, end - begin);
    if (part.empty()) return bad_path(path, "a relative path without empty parts expected");
    if (part == "." || part == "..") return bad_path(path, "a path without . and .. expected");
    if (part.size() > kMostPart) return bad_path(path, fmt::format("parts of at most {} bytes expected", kMostPart));
    if (++parts > SentFolder::kMostParts)
      return bad_path(path, fmt::format("at most {} parts expected", SentFolder::kMostParts));
    if (parts == 1) first = part;
    begin = end + 1;
  }
  if (parts > 1 && !version_of_folder(first))
    return bad_path(path, "a version folder like 1/ expected, or a file without a folder");
  return {};
}

Result<std::shared_ptr<const SentFolder>> SentFolder::write(const std::vector<serving::SentFile>& files) {
  if (files.size() > kMostFiles)
    return invalid_argument(fmt::format("at most {} files expected with a request, not {}", kMostFiles, files.size()));
  for (const auto& file : files) {
    if (Status status = check_sent_path(file.path); !status.ok()) return status;
  }
  if (std::ranges::none_of(files, [](const auto& file) { return file.path.find('/') != std::string::npos; }))
    return invalid_argument("no file lies in a version folder, like 1/model.onnx");
  std::error_code error;
  std::string pattern = (fs::temp_directory_path(error) / fmt::format("{}XXXXXX", kFolderName)).string();
  if (error || ::mkdtemp(pattern.data()) == nullptr)
    return internal_error(fmt::format("no temporary folder for the files: {}",
                                      error ? error.message() : std::generic_category().message(errno)));
  const std::shared_ptr<SentFolder> folder(new SentFolder(pattern));
  auto lock = FolderLock::take(folder->path());
  if (!lock.ok()) return lock.status();
  folder->lock_ = std::move(*lock);
  std::size_t room = kMostBytes;
  for (const auto& file : files) {
    if (Status status = folder->put(file, room); !status.ok()) return status;
  }
  return std::shared_ptr<const SentFolder>(folder);
}

std::size_t SentFolder::remove_left_behind() noexcept try {
  std::size_t removed = 0;
  std::error_code error;
  for (fs::directory_iterator it(fs::temp_directory_path(error), error), end; !error && it != end;
       it.increment(error)) {
    if (!it->path().filename().string().starts_with(kFolderName) || !FolderLock::left_behind(it->path())) continue;
    std::error_code failed;
    fs::remove_all(it->path(), failed);
    if (!failed) ++removed;
  }
  return removed;
} catch (const std::exception&) {
  return 0;  // of no memory: they stay until the next start
}

Status SentFolder::put(const serving::SentFile& file, std::size_t& room) const {
  const fs::path path = path_ / file.path;
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  const OpenFile open(path);
  if (error || !open.is_open()) {
    const int code = error ? error.value() : errno;
    if (code == EEXIST || code == EISDIR || code == ENOTDIR)
      return bad_path(file.path, "given twice, or as a file and as a folder");
    return not_written(file.path, code);
  }
  return file.read([&](std::span<const std::byte> bytes) -> Status {
    if (bytes.size() > room)
      return invalid_argument(fmt::format("at most {} bytes of files expected with a request", kMostBytes));
    room -= bytes.size();
    return open.write(bytes) ? Status() : not_written(file.path, errno);
  });
}

SentFolder::~SentFolder() {
  std::error_code error;
  fs::remove_all(path_, error);
}

}  // namespace ocelli::repository
