// BackendFixture: a backend's module and the generated models, for tests of what only that backend does.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "runtime/backend_module.hpp"
#include "support/built_backends.hpp"
#include "support/resident_memory.hpp"

namespace ocelli::testing {

// Skips its tests where the backend was not built.
class BackendFixture : public ::testing::Test {
 protected:
  explicit BackendFixture(std::string backend, ModelFormat format, std::string file)
      : backend_(std::move(backend)), format_(format), file_(std::move(file)) {}

  void SetUp() override {
    if (const auto why = test::why_not_built(backend_); !why.empty()) GTEST_SKIP() << why;
    models_ = test::generated_models();
    ASSERT_FALSE(models_.empty()) << test::kNoModels;
    auto loaded = load_backend(default_backend_folder(), backend_, {});
    ASSERT_TRUE(loaded.ok()) << loaded.status().to_string();
    runtime_ = *loaded;
  }

  Result<std::unique_ptr<CompiledModel>> try_compile(const std::string& model, const CompileOptions& options) {
    return runtime_->compile({format_, models_ / model / file_}, options);
  }
  // Fails the test when it cannot.
  std::unique_ptr<CompiledModel> compile(const std::string& model, const CompileOptions& options = {}) {
    auto compiled = try_compile(model, options);
    EXPECT_TRUE(compiled.ok()) << model << ": " << compiled.status().to_string();
    return compiled.ok() ? std::move(*compiled) : nullptr;
  }
  // What is said when the model cannot be compiled; fails the test when it can or the code is another one.
  std::string error_of(const std::string& model, const CompileOptions& options, StatusCode code) {
    const auto compiled = try_compile(model, options);
    EXPECT_FALSE(compiled.ok());
    EXPECT_EQ(compiled.status().code(), code) << compiled.status().to_string();
    return std::string(compiled.status().message());
  }
  // Runs once on one input of a type; gives the first output as floats.
  template <typename T>
  std::vector<float> run(InferRequest& request, DataType type, const Shape& shape, std::vector<T> values) {
    TensorView view{type, shape, reinterpret_cast<std::byte*>(values.data()), values.size() * sizeof(T)};
    auto status = request.set_input(0, view);
    if (status.ok()) status = request.run();
    EXPECT_TRUE(status.ok()) << status.to_string();
    auto output = status.ok() ? request.output(0) : Result<TensorView>(status);
    if (!output.ok()) return {};
    std::vector<float> result(output->bytes / sizeof(float));
    std::memcpy(result.data(), output->data, output->bytes);
    last_shape_ = output->shape;
    return result;
  }
  std::vector<float> run_floats(CompiledModel& model, const Shape& shape, const std::vector<float>& values) {
    auto request = model.create_request();
    EXPECT_TRUE(request.ok());
    return run(**request, DataType::kFp32, shape, values);
  }

  // Of the generated model "widened": a run that needs 128 MB between input and output leaves none of them behind, and
  // its answer and those after it are right all the same.
  void expect_memory_back_after_an_outlier(CompiledModel& model) {
    constexpr std::int64_t kRows = 8192;
    constexpr std::size_t kAllowed = 32U << 20;
    auto request = model.create_request();
    ASSERT_TRUE(request.ok());
    const auto run_rows = [&](std::int64_t rows) {
      return run(**request, DataType::kFp32, {rows, 64}, std::vector<float>(static_cast<std::size_t>(rows) * 64, 1.0F));
    };
    std::vector<float> small;
    for (int i = 0; i < 20; ++i) small = run_rows(1);
    ASSERT_EQ(small.size(), 1U);
    const auto before = test::resident_bytes();
    const auto large = run_rows(kRows);
    EXPECT_LT(test::resident_bytes(), before + kAllowed);
    ASSERT_EQ(large.size(), static_cast<std::size_t>(kRows));
    for (const float value : large) ASSERT_NEAR(value, small[0], 1e-3 * small[0]);
    EXPECT_EQ(run_rows(1), small);
    EXPECT_EQ(run_rows(kRows), large);
  }

  std::string backend_;
  ModelFormat format_;
  std::string file_;
  std::filesystem::path models_;
  std::shared_ptr<Runtime> runtime_;
  Shape last_shape_;
};

// A folder that goes away with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string text = (std::filesystem::temp_directory_path() / "ocelli_test_XXXXXX").string();
    path_ = ::mkdtemp(text.data());
  }
  ~TemporaryFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace ocelli::testing
