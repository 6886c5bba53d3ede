#include "backends/onnxruntime/engine_cache.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/folder_entries.hpp"
#include "runtime/model_digest.hpp"

namespace ocelli::onnxruntime {
namespace {

namespace fs = std::filesystem;

bool has_engine(const fs::path& folder) {
  return std::ranges::any_of(folder_entries(folder),
                             [](const auto& entry) { return entry.path().extension() == ".engine"; });
}

}  // namespace

Result<EngineCache> open_engine_cache(const fs::path& cache_dir, const fs::path& model, const EngineKey& key,
                                      const std::string& settings) {
  const auto digest = model_digest({ModelFormat::kOnnx, model}, cache_dir);
  if (!digest.ok()) return digest.status();
  const fs::path root = fs::absolute(cache_dir) / "tensorrt" /
                        fmt::format("{}-trt{}-ort{}", key.architecture, key.tensorrt, key.onnxruntime);
  EngineCache cache;
  cache.timing = root / "timing";
  cache.engines = root / fmt::format("{}-{}-{}", model.stem().string(), *digest, digest_of(settings).substr(0, 8));
  std::error_code error;
  fs::create_directories(cache.timing, error);
  if (!error) fs::create_directories(cache.engines, error);
  if (error)
    return failed_precondition(fmt::format("engine cache {} cannot be made: {}", root.string(), error.message()));
  cache.filled = has_engine(cache.engines);
  return cache;
}

std::string shape_settings(const CompileOptions& options) {
  std::string text;
  for (const auto& [name, shape] : options.shapes) text += fmt::format("shape {}={};", name, shape.to_string());
  if (options.batch) text += fmt::format("batch={}..{};", options.batch->min, options.batch->max);
  return text;
}

}  // namespace ocelli::onnxruntime
