// ModelFacts: what reading a model file tells; and where it is remembered beside the compiled-model cache, so that a
// second start need not read the file again (reading takes longer than loading the compiled model).
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "runtime/compile_options.hpp"
#include "runtime/model_signature.hpp"
#include "runtime/model_source.hpp"

namespace ocelli::openvino {

struct ModelFacts {
  ModelSignature signature;
  std::map<std::string, std::string> model_info;
  bool stateful = false;
};

// One file of facts in the cache folder, found by the model's path and valid for the sizes and times of the model's
// files and for the runtime's version. Thread-safe: entries are replaced whole.
class FactsCache {
 public:
  // For models that are compiled as they are; nothing is remembered, nor found, without a cache folder or when the
  // options change the graph.
  FactsCache(const ModelSource& source, const CompileOptions& options, const std::string& runtime_version);

  [[nodiscard]] bool usable() const noexcept { return !file_.empty(); }
  // True while the model's files are those that this object was made for.
  [[nodiscard]] bool current() const;
  // Empty when there is no valid entry.
  [[nodiscard]] std::optional<ModelFacts> load() const;
  // A failure (folder full or read-only) only means that the next start reads the model.
  void save(const ModelFacts& facts) const noexcept;

 private:
  [[nodiscard]] std::string state_of_files() const;

  std::filesystem::path model_;
  std::string version_;
  std::filesystem::path file_;
  std::string state_;
};

}  // namespace ocelli::openvino
