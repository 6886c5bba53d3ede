#include "base/small_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>

#include "base/temporary_path.hpp"

namespace ocelli {

namespace fs = std::filesystem;

namespace {

// What a file says of its size need not be so, as in /proc: it is read in pieces, each as large as all before.
constexpr std::size_t kFirstPiece = std::size_t{16} << 10;

// A stream keeps no reason of its own; errno has the one of the call that failed.
std::error_code write_whole(const fs::path& path, std::string_view bytes) {
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file.fail()) return {};
  return {errno != 0 ? errno : EIO, std::generic_category()};
}

}  // namespace

Result<std::string> read_small_file(const fs::path& path, std::size_t limit) {
  std::error_code error;
  // Opening a pipe would wait for somebody who writes to it.
  if (!fs::is_regular_file(path, error)) return not_found(fmt::format("file {} does not exist", path.string()));
  std::ifstream file(path, std::ios::binary);
  std::string bytes;
  while (file && bytes.size() <= limit) {
    const auto begin = bytes.size();
    bytes.resize(std::min(limit + 1, begin + std::max(begin, kFirstPiece)));
    file.read(bytes.data() + begin, static_cast<std::streamsize>(bytes.size() - begin));
    bytes.resize(begin + static_cast<std::size_t>(file.gcount()));
  }
  if (!file.is_open() || file.bad()) return internal_error(fmt::format("file {} cannot be read", path.string()));
  if (bytes.size() > limit)
    return Status(StatusCode::kPayloadTooLarge, fmt::format("file {} has more than {} bytes", path.string(), limit));
  return bytes;
}

Status replace_small_file(const fs::path& path, std::string_view bytes) {
  std::error_code error;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  const auto temporary = temporary_path(path);
  if (!error) error = write_whole(temporary, bytes);
  if (!error) fs::rename(temporary, path, error);
  if (!error) return {};
  std::error_code ignored;
  fs::remove(temporary, ignored);
  return internal_error(fmt::format("file {} cannot be written: {}", path.string(), error.message()));
}

}  // namespace ocelli
