// What the conformance tests share: one run of the whole suite per backend and format.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "runtime/backend_module.hpp"
#include "support/run_waiter.hpp"

namespace ocelli::conformance {

// One way to reach the generated models.
struct BackendCase {
  const char* label;
  const char* backend;
  ModelFormat format;
  const char* file;
  const char* device;
  const char* settings;
  // False: what the file holds does not matter, so that broken files cannot be noticed.
  bool reads_files;
  // False: INT64 and FP64 pass with 32 bits only. The backend says so in ExecutionInfo::note.
  bool keeps_64_bits;
  // False: the runtime's interface has no strings.
  bool has_strings = true;
  // Names of generated models, between blanks, that the runtime cannot run, and why. It must refuse those of them that
  // its format can express.
  std::string_view lacks = "";
  std::string_view lacks_because = "";
  // False: a run that has begun goes on to its end.
  bool interrupts_runs = true;
  // False: not meant for models with open dimensions, though the device that stands in for the real one takes them.
  bool open_dimensions = true;
};

// Every test loads the backend anew by its module, as the program does.
class BackendConformance : public ::testing::TestWithParam<BackendCase> {
 protected:
  void SetUp() override;

  // Whether the case cannot run the generated model of that name.
  [[nodiscard]] bool lacks(const std::string& model) const;
  // The same, and when the file is there, the test fails unless it is refused as what the device does not take.
  bool is_refused(const std::string& model);
  // The runtime with other settings (simulated devices).
  void load(const std::string& settings);
  [[nodiscard]] ModelSource source(const std::string& model) const;
  [[nodiscard]] CompileOptions options() const;
  Result<std::unique_ptr<CompiledModel>> try_compile(const std::string& model);
  // Fails the test when it cannot.
  std::unique_ptr<CompiledModel> compile(const std::string& model);
  static std::unique_ptr<InferRequest> request_of(CompiledModel& model);

  std::shared_ptr<Runtime> runtime_;
};

// A tensor of its own bytes.
struct HostTensor {
  HostTensor(DataType element, const Shape& extents, std::vector<std::byte> content)
      : bytes(std::move(content)), type(element), shape(extents) {}
  template <typename T>
  static HostTensor of(DataType element, const Shape& extents, const std::vector<T>& values) {
    std::vector<std::byte> content(values.size() * sizeof(T));
    if (!content.empty()) std::memcpy(content.data(), values.data(), content.size());
    return {element, extents, std::move(content)};
  }
  static HostTensor floats(const Shape& extents, const std::vector<float>& values) {
    return of(DataType::kFp32, extents, values);
  }
  static HostTensor strings(const Shape& extents, const std::vector<std::string>& values);

  [[nodiscard]] TensorView view() { return {type, shape, bytes.data(), bytes.size()}; }

  std::vector<std::byte> bytes;
  DataType type;
  Shape shape;
};

std::vector<float> floats_of(const TensorView& view);
std::vector<std::byte> bytes_of(const TensorView& view);

}  // namespace ocelli::conformance
