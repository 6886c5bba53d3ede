// Where the engines that TensorRT builds for a model are kept.
#pragma once

#include <filesystem>
#include <string>

#include "base/status.hpp"
#include "runtime/compile_options.hpp"

namespace ocelli::onnxruntime {

// Everything on which an engine depends beside the model itself.
struct EngineKey {
  std::string architecture;  // of the card: "sm_90"
  std::string tensorrt;      // library version: "10.14.1"; "unknown" when it does not tell
  std::string onnxruntime;   // "1.31.1"
};

// The folders of one model on one card.
struct EngineCache {
  std::filesystem::path engines;  // of this model
  std::filesystem::path timing;   // shared by the models of one card and library
  bool filled = false;            // there was an engine before
};

// Folders cache_dir/tensorrt/ARCHITECTURE-trtVERSION-ortVERSION/{timing, NAME-DIGEST-SETTINGS}, made when absent:
// an engine of another model, card, library or other settings is never found there. settings: the options that the
// engine is built with. Errors: those of model_digest(), kFailedPrecondition when the folders cannot be made; the
// caller goes on without a cache.
Result<EngineCache> open_engine_cache(const std::filesystem::path& cache_dir, const std::filesystem::path& model,
                                      const EngineKey& key, const std::string& settings);

// The shapes that are set from outside, as part of those settings: TensorRT's own name of an engine says nothing of
// them. Empty: none are.
std::string shape_settings(const CompileOptions& options);

}  // namespace ocelli::onnxruntime
