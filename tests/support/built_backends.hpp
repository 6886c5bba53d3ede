// What of this build a test of the backends needs: their modules and the generated models.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "runtime/backend_module.hpp"

namespace ocelli::test {

// Why a backend cannot be tested, for GTEST_SKIP; empty: it can.
inline std::string why_not_built(const std::string& backend) {
  const auto module = default_backend_folder() / ("libocelli_backend_" + backend + ".so");
  if (!std::filesystem::exists(module)) return module.string() + " was not built: its runtime was not found";
  if (backend == "openvino_c" && !std::getenv("OPENVINO_LEGACY_DIR"))
    return "set OPENVINO_LEGACY_DIR to a folder with libopenvino_c.so; ctest sets it to the wheel's";
  return "";
}

// The folder of the generated models, one folder each; empty when there is none, which fails a test that needs it.
inline std::filesystem::path generated_models() {
  const char* folder = std::getenv("OCELLI_TEST_MODELS");
  if (folder && std::filesystem::exists(std::filesystem::path(folder) / "stamp")) return folder;
  return {};
}

// What to tell a tester then.
inline constexpr const char* kNoModels =
    "set OCELLI_TEST_MODELS to the output of tools/models/generate_test_models.py; ctest does";

}  // namespace ocelli::test
