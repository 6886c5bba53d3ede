#include "repository/model_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

namespace ocelli::repository {
namespace {

namespace fs = std::filesystem;

struct FileSet {
  std::string_view extension;
  std::string_view companion;  // empty: none needed
  ModelFormat format;
};

// The order is that of the lookup.
constexpr std::array<FileSet, 6> kFileSets{FileSet{".xml", ".bin", ModelFormat::kOpenvinoIr},
                                           FileSet{".onnx", "", ModelFormat::kOnnx},
                                           FileSet{".pdmodel", ".pdiparams", ModelFormat::kPaddle},
                                           FileSet{".pb", "", ModelFormat::kTensorflow},
                                           FileSet{".tflite", "", ModelFormat::kTflite},
                                           FileSet{".armnn", "", ModelFormat::kArmnn}};

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}
bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

struct Entries {
  std::vector<fs::path> files;    // ascending
  std::vector<fs::path> folders;  // ascending
};

Result<Entries> list(const fs::path& folder) {
  Entries entries;
  std::error_code error;
  fs::directory_iterator it(folder, error);
  for (const fs::directory_iterator end; !error && it != end; it.increment(error)) {
    if (is_folder(it->path())) {
      entries.folders.push_back(it->path());
    } else if (is_file(it->path())) {
      entries.files.push_back(it->path());
    }
  }
  if (error) return internal_error(fmt::format("folder {} cannot be read: {}", folder.string(), error.message()));
  std::sort(entries.files.begin(), entries.files.end());
  std::sort(entries.folders.begin(), entries.folders.end());
  return entries;
}

// The variables of a SavedModel lie in a folder beside the graph; models without any may lack it.
bool is_saved_model(const fs::path& folder) { return is_file(folder / "saved_model.pb"); }

std::optional<ModelSource> find_tensorflow(const fs::path& folder, const Entries& entries) {
  if (is_saved_model(folder)) return ModelSource{ModelFormat::kTensorflow, folder};
  for (const auto& file : entries.files) {
    if (file.extension() == ".pb") return ModelSource{ModelFormat::kTensorflow, file};
  }
  for (const auto& inner : entries.folders) {
    if (is_saved_model(inner)) return ModelSource{ModelFormat::kTensorflow, inner};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Version> version_of_folder(std::string_view name) noexcept {
  if (name.empty() || name.front() < '1' || name.front() > '9') return std::nullopt;
  Version version = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), version);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return version;
}

Result<ModelSource> find_model_file(const fs::path& version_folder) {
  auto entries = list(version_folder);
  if (!entries.ok()) return entries.status();
  std::string half;
  for (const auto& set : kFileSets) {
    if (set.format == ModelFormat::kTensorflow) {
      if (auto source = find_tensorflow(version_folder, *entries)) return *source;
      continue;
    }
    for (const auto& file : entries->files) {
      if (file.extension() != set.extension) continue;
      const fs::path companion = fs::path(file).replace_extension(set.companion);
      if (set.companion.empty() || is_file(companion)) return ModelSource{set.format, file};
      if (half.empty()) half = fmt::format("; {} lacks its {}", file.string(), companion.filename().string());
    }
  }
  return not_found(fmt::format(
      "no model file in {} (.xml with .bin, .onnx, .pdmodel with .pdiparams, .pb or SavedModel, .tflite, .armnn){}",
      version_folder.string(), half));
}

std::optional<ModelSource> model_file(const fs::path& file) {
  if (!is_file(file)) return std::nullopt;
  for (const auto& set : kFileSets) {
    if (file.extension() == set.extension) return ModelSource{set.format, file};
  }
  return std::nullopt;
}

Result<std::map<Version, fs::path>> scan_versions(const fs::path& base_path) {
  if (model_file(base_path)) return std::map<Version, fs::path>{{1, base_path}};
  if (!is_folder(base_path)) {
    return not_found(fmt::format("base_path {} is neither a folder of versions nor a model file", base_path.string()));
  }
  auto entries = list(base_path);
  if (!entries.ok()) return entries.status();
  std::map<Version, fs::path> versions;
  for (const auto& folder : entries->folders) {
    if (const auto version = version_of_folder(folder.filename().string())) versions[*version] = folder;
  }
  return versions;
}

}  // namespace ocelli::repository
