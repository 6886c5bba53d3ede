#include "backends/onnxruntime/engine_cache.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>
#include <vector>

namespace ocelli::onnxruntime {
namespace {

namespace fs = std::filesystem;

// FNV-1a (Fowler, Noll, Vo), 64 bits.
class Fingerprint {
 public:
  void add(std::string_view bytes) noexcept {
    for (const char byte : bytes) value_ = (value_ ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
  }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325U;
};

// Files like model.onnx.data and model.onnx_data; reading gigabytes of weights would take longer than it is worth.
void add_companions(const fs::path& model, Fingerprint& fingerprint) {
  std::vector<std::string> lines;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(model.parent_path(), error)) {
    const std::string name = entry.path().filename().string();
    if (entry.path() == model || !name.starts_with(model.stem().string())) continue;
    const auto size = entry.file_size(error);
    const auto time = entry.last_write_time(error).time_since_epoch().count();
    lines.push_back(fmt::format("{} {} {}\n", name, size, time));
  }
  std::sort(lines.begin(), lines.end());
  for (const auto& line : lines) fingerprint.add(line);
}

bool has_engine(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".engine") return true;
  }
  return false;
}

}  // namespace

Result<std::uint64_t> model_fingerprint(const fs::path& model) {
  std::ifstream file(model, std::ios::binary);
  if (!file) return not_found(fmt::format("model file {} cannot be read", model.string()));
  Fingerprint fingerprint;
  std::array<char, 1 << 16> block{};
  while (file.read(block.data(), block.size()) || file.gcount() > 0)
    fingerprint.add({block.data(), static_cast<std::size_t>(file.gcount())});
  add_companions(model, fingerprint);
  return fingerprint.value();
}

Result<EngineCache> open_engine_cache(const fs::path& cache_dir, const fs::path& model, const EngineKey& key,
                                      const std::string& settings) {
  const auto content = model_fingerprint(model);
  if (!content.ok()) return content.status();
  Fingerprint options;
  options.add(settings);
  const fs::path root = fs::absolute(cache_dir) / "tensorrt" /
                        fmt::format("{}-trt{}-ort{}", key.architecture, key.tensorrt, key.onnxruntime);
  EngineCache cache;
  cache.timing = root / "timing";
  cache.engines = root / fmt::format("{}-{:016x}-{:016x}", model.stem().string(), *content, options.value());
  std::error_code error;
  fs::create_directories(cache.timing, error);
  if (!error) fs::create_directories(cache.engines, error);
  if (error)
    return failed_precondition(fmt::format("engine cache {} cannot be made: {}", root.string(), error.message()));
  cache.filled = has_engine(cache.engines);
  return cache;
}

}  // namespace ocelli::onnxruntime
