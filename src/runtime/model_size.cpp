#include "runtime/model_size.hpp"

#include <exception>
#include <filesystem>
#include <string>

namespace ocelli {
namespace {

namespace fs = std::filesystem;

// More are not looked at: an estimate is wanted, and a folder may hold anything.
constexpr std::size_t kMaxFiles = 4096;

std::uint64_t size_of(const fs::path& path) {
  std::error_code error;
  const auto bytes = fs::is_regular_file(path, error) ? fs::file_size(path, error) : 0;
  return error ? 0 : bytes;
}

std::uint64_t size_of_folder(const fs::path& folder) {
  std::error_code error;
  std::uint64_t bytes = 0;
  std::size_t files = 0;
  constexpr auto kOptions = fs::directory_options::follow_directory_symlink;
  for (auto entry = fs::recursive_directory_iterator(folder, kOptions, error);
       !error && entry != fs::recursive_directory_iterator() && ++files <= kMaxFiles; entry.increment(error))
    bytes += size_of(entry->path());
  return bytes;
}

// "model.onnx_data", "model.onnx.data", "model.weights" beside model.onnx.
std::uint64_t size_with_companions(const fs::path& model) {
  std::error_code error;
  const auto name = model.filename().string();
  const auto stem = model.stem().string() + ".";
  std::uint64_t bytes = size_of(model);
  std::size_t files = 0;
  for (auto entry = fs::directory_iterator(model.parent_path().empty() ? fs::path(".") : model.parent_path(), error);
       !error && entry != fs::directory_iterator() && ++files <= kMaxFiles; entry.increment(error)) {
    const auto other = entry->path().filename().string();
    if (other != name && (other.starts_with(name) || other.starts_with(stem))) bytes += size_of(entry->path());
  }
  return bytes;
}

}  // namespace

std::uint64_t model_size(const ModelSource& source) noexcept {
  try {
    std::error_code error;
    if (fs::is_directory(source.path, error)) return size_of_folder(source.path);
    if (source.format == ModelFormat::kOnnx) return size_with_companions(source.path);
    std::uint64_t bytes = size_of(source.path);
    for (const char* companion : {".bin", ".pdiparams"}) {
      const auto path = fs::path(source.path).replace_extension(companion);
      if (path != source.path) bytes += size_of(path);
    }
    return bytes;
  } catch (const std::exception&) {
    return 0;  // a name that cannot be converted, or no memory for it
  }
}

}  // namespace ocelli
