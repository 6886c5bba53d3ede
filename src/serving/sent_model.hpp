// SentModel: what a request to load a model says beside the model's name.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/status.hpp"

namespace ocelli::serving {

// One file of the model that came with the request. Valid as long as the request.
struct SentFile {
  // Told each piece of the content, in order; an error ends the reading.
  using Take = std::function<Status(std::span<const std::byte>)>;

  std::string path;  // as the client wrote it: "1/model.onnx"; nothing is checked
  // Hands the whole content to take. Errors: those of take, or kInvalidArgument when the content is not what it must
  // be.
  std::function<Status(const Take& take)> read;
};

struct SentModel {
  static constexpr std::size_t kMostFiles = 256;

  // JSON: members of a "config" in config.json, of Triton's ModelConfig, or of both; empty: as configured.
  std::string config;
  // Not empty: the model is loaded from exactly these, whatever its base_path holds.
  std::vector<SentFile> files;
};

}  // namespace ocelli::serving
