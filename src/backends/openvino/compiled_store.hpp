// CompiledStore: compiled models in the cache folder, so that a second start neither reads nor compiles a model.
#pragma once

#include <filesystem>
#include <functional>
#include <iosfwd>
#include <memory>
#include <openvino/runtime/tensor.hpp>
#include <optional>
#include <string>

#include "backends/openvino/mapped_file.hpp"
#include "backends/openvino/model_facts.hpp"
#include "base/status.hpp"

namespace ocelli::openvino {

// A compiled model as it was kept. blob points into file.
struct StoredModel {
  ModelFacts facts;
  ov::Tensor blob;
  std::shared_ptr<const MappedFile> file;
};

// One entry of the cache: NAME.ocelli. Entries are written once and replaced whole. Layout, all numbers little-endian
// as on every machine that Ocelli runs on: magic (8 bytes), length of the facts (8), length of the blob (8), digest of
// facts and blob (32 hexadecimal digits), facts (JSON), zeros to the next multiple of 64, blob. Thread-safe.
class CompiledStore {
 public:
  CompiledStore(const std::filesystem::path& folder, const std::string& name);

  // Empty when there is none, or when it is cut off or damaged.
  [[nodiscard]] std::optional<StoredModel> load() const;
  // write puts the blob on the stream; it may throw. kInternal says why nothing was kept; nothing half is left.
  Status save(const ModelFacts& facts, const std::function<void(std::ostream&)>& write) const noexcept;

 private:
  std::filesystem::path path_;
};

}  // namespace ocelli::openvino
