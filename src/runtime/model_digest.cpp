#include "runtime/model_digest.hpp"

#include "base/folder_entries.hpp"
#include "base/small_file.hpp"
#include "base/temporary_path.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <memory>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ocelli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxEntries = 4096;
constexpr std::size_t kPiece = std::size_t{1} << 20;
constexpr std::size_t kDigits = 32;
constexpr std::string_view kMemoHead = "ocelli model digest 1\n";

struct ModelFile {
  fs::path path;
  std::uint64_t size = 0;
  std::int64_t changed = 0;
  bool by_content = true;
};

std::string hex(XXH128_hash_t hash) { return fmt::format("{:016x}{:016x}", hash.high64, hash.low64); }

// The cache may lie in the model's own folder.
bool is_cache(const fs::path& path) {
  const auto extension = path.extension();
  return extension == ".digest" || extension == ".ocelli" || extension == ".batching" || extension == ".speed" ||
         extension == kTemporaryExtension;
}

// Adds the files of a folder, also behind links. False when there are more entries than a model has.
bool add_files(const fs::path& folder, bool deep, std::size_t& entries, std::vector<fs::path>& files) {
  for (const auto& entry : folder_entries(folder)) {
    if (++entries > kMaxEntries) return false;
    std::error_code unknown;  // a link that leads nowhere
    if (entry.is_directory(unknown)) {
      if (deep && !add_files(entry.path(), deep, entries, files)) return false;
    } else if (entry.is_regular_file(unknown) && !is_cache(entry.path())) {
      files.push_back(entry.path());
    }
  }
  return true;
}

Result<std::vector<fs::path>> files_in(const fs::path& folder, bool deep) {
  std::vector<fs::path> files;
  std::size_t entries = 0;
  if (add_files(folder, deep, entries, files)) return files;
  return internal_error(fmt::format("{} holds more than {} files and folders", folder.string(), kMaxEntries));
}

Result<std::vector<fs::path>> paths_of(const ModelSource& source) {
  std::error_code error;
  if (fs::is_directory(source.path, error)) return files_in(source.path, true);
  if (source.format == ModelFormat::kOnnx) return files_in(source.path.parent_path(), false);
  std::vector<fs::path> paths{source.path};
  for (const char* companion : {".bin", ".pdiparams"}) {
    const auto path = fs::path(source.path).replace_extension(companion);
    if (path != source.path && fs::is_regular_file(path, error)) paths.push_back(path);
  }
  return paths;
}

Result<std::vector<ModelFile>> files_of(const ModelSource& source) {
  std::vector<ModelFile> files;
  auto paths = paths_of(source);
  if (!paths.ok()) return paths.status();
  for (auto& path : *paths) {
    ModelFile file{std::move(path)};
    std::error_code error;
    file.size = fs::file_size(file.path, error);
    if (!error) file.changed = fs::last_write_time(file.path, error).time_since_epoch().count();
    if (error) return not_found(fmt::format("model file {} cannot be read", file.path.string()));
    file.by_content =
        source.format != ModelFormat::kOnnx || file.path == source.path || fs::is_directory(source.path, error);
    files.push_back(std::move(file));
  }
  if (files.empty()) return not_found(fmt::format("model file {} does not exist", source.path.string()));
  std::ranges::sort(files, {}, &ModelFile::path);
  return files;
}

// What tells without reading that the files are still the same.
std::string state_of(const ModelSource& source, const std::vector<ModelFile>& files) {
  std::error_code error;
  std::string state = fs::weakly_canonical(source.path, error).string() + "\n";
  for (const auto& file : files)
    state += fmt::format("{} {} {}\n", file.path.filename().string(), file.size, file.changed);
  return state;
}

Status add_content(XXH3_state_t& hash, const ModelFile& file) {
  std::ifstream stream(file.path, std::ios::binary);
  std::vector<char> piece(kPiece);
  std::uint64_t read = 0;
  while (stream.read(piece.data(), static_cast<std::streamsize>(piece.size())) || stream.gcount() > 0) {
    XXH3_128bits_update(&hash, piece.data(), static_cast<std::size_t>(stream.gcount()));
    read += static_cast<std::uint64_t>(stream.gcount());
  }
  if (read == file.size) return {};
  return internal_error(fmt::format("model file {} changed while it was read", file.path.string()));
}

Result<std::string> digest_files(const std::vector<ModelFile>& files) {
  struct Free {
    void operator()(XXH3_state_t* state) const noexcept { XXH3_freeState(state); }
  };
  const std::unique_ptr<XXH3_state_t, Free> hash(XXH3_createState());
  if (!hash) return Status(StatusCode::kResourceExhausted, "Out of memory while reading a model");
  XXH3_128bits_reset(hash.get());
  for (const auto& file : files) {
    const auto head = file.by_content
                          ? fmt::format("{} {}\n", file.path.filename().string(), file.size)
                          : fmt::format("{} {} {}\n", file.path.filename().string(), file.size, file.changed);
    XXH3_128bits_update(hash.get(), head.data(), head.size());
    if (!file.by_content) continue;
    if (auto status = add_content(*hash, file); !status.ok()) return status;
  }
  return hex(XXH3_128bits_digest(hash.get()));
}

}  // namespace

std::string digest_of(std::string_view bytes) { return hex(XXH3_128bits(bytes.data(), bytes.size())); }

Result<std::string> model_digest(const ModelSource& source, const fs::path& memo_folder) {
  const auto files = files_of(source);
  if (!files.ok()) return files.status();
  if (memo_folder.empty()) return digest_files(*files);
  const std::string state = std::string(kMemoHead) + state_of(source, *files);
  std::error_code error;
  const auto name = digest_of(fs::weakly_canonical(source.path, error).string());
  const fs::path memo = memo_folder / (name + ".digest");
  const auto known = read_small_file(memo, state.size() + kDigits);
  if (known.ok() && known->size() == state.size() + kDigits && known->starts_with(state))
    return known->substr(state.size());
  auto digest = digest_files(*files);
  // A failure (folder full or read-only) only means that the next start reads the model again.
  if (digest.ok()) (void)replace_small_file(memo, state + *digest);
  return digest;
}

}  // namespace ocelli
