// WorkerFixture: the runtime of the worker process over the simulated stick, whose fate a file decides.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <thread>
#include <vector>

#include "backends/openvino_c/remote_runtime.hpp"
#include "support/backend_fixture.hpp"
#include "support/eventually.hpp"
#include "support/run_waiter.hpp"

namespace ocelli::openvino_c {

class WorkerFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* models = std::getenv("OCELLI_TEST_MODELS");
    const char* library = std::getenv("OCELLI_SIMULATED_OPENVINO");
    ASSERT_TRUE(models && library) << "set OCELLI_TEST_MODELS and OCELLI_SIMULATED_OPENVINO; ctest does";
    models_ = models;
    library_ = library;
    ::setenv("OCELLI_SIMULATED_STICK", (folder_.path() / "stick").c_str(), 1);
    limits_.first_delay = std::chrono::milliseconds(20);
    limits_.last_delay = std::chrono::milliseconds(100);
    limits_.run = std::chrono::seconds(20);
  }

  // How the stick fares from now on: "", "die", "hang" or "pulled".
  void stick(const std::string& fate) { folder_.write("stick", fate); }

  std::unique_ptr<RemoteRuntime> runtime() {
    return std::make_unique<RemoteRuntime>(library_, default_worker_program(), limits_, Log());
  }
  std::unique_ptr<CompiledModel> compile(RemoteRuntime& runtime, const std::string& device = "MYRIAD",
                                         const std::string& model = "row") {
    CompileOptions options;
    options.device = device;
    options.properties["INFERENCE_PRECISION_HINT"] = "f32";
    auto compiled = runtime.compile({ModelFormat::kOpenvinoIr, models_ / model / "model.xml"}, options);
    EXPECT_TRUE(compiled.ok()) << compiled.status().to_string();
    return compiled.ok() ? std::move(*compiled) : nullptr;
  }
  // "row" gives back what it is given.
  Status run(InferRequest& request, float value = 1) {
    std::vector<float> input(64, value);
    auto status = request.set_input(0, {DataType::kFp32, {1, 64}, reinterpret_cast<std::byte*>(input.data()), 256});
    if (status.ok()) status = request.run();
    if (!status.ok()) return status;
    const auto output = request.output(0);
    if (!output.ok()) return output.status();
    std::vector<float> result(64);
    std::memcpy(result.data(), output->data, 256);
    return result == input ? Status() : internal_error("a wrong answer");
  }
  // Runs until it goes well again; false when it does not within the limit, or fails in another way than by a loss.
  bool recovers(InferRequest& request) {
    return within(std::chrono::seconds(30), [&] {
      const auto status = run(request);
      EXPECT_TRUE(status.ok() || status.code() == StatusCode::kUnavailable) << status.to_string();
      return status.ok();
    });
  }
  template <typename Condition>
  static bool within(std::chrono::seconds limit, const Condition& condition) {
    return test::eventually(condition, limit);
  }

  testing::TemporaryFolder folder_;
  std::filesystem::path models_;
  std::filesystem::path library_;
  WorkerLimits limits_;
};

}  // namespace ocelli::openvino_c
