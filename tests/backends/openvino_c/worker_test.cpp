// What the runtime of the worker process says and does while all is well, and when there is no library to load.
#include "backends/openvino_c/worker_fixture.hpp"
#include "support/allocation_counter.hpp"

namespace ocelli::openvino_c {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> names(const std::vector<DeviceInfo>& devices, bool usable) {
  std::vector<std::string> result;
  for (const auto& device : devices) {
    if (device.usable == usable) result.push_back(device.name);
  }
  return result;
}

TEST_F(WorkerFixture, TheLibrarysOwnCpuDoesNotHideTodays) {
  const auto runtime = this->runtime();
  const auto devices = runtime->devices();
  EXPECT_THAT(names(devices, true), AllOf(Contains("MYRIAD"), Contains("LEGACY.CPU"), Not(Contains("CPU"))));
  EXPECT_THAT(names(devices, false), Contains("HDDL"));
  EXPECT_NE(runtime->version(), "not loaded");
}

TEST_F(WorkerFixture, ANameThatIsExpectedOrUnknownIsToldWithThoseThatExist) {
  const auto runtime = this->runtime();
  const auto refusal = [&](Runtime& asked, const char* device) {
    CompileOptions options;
    options.device = device;
    const auto compiled = asked.compile({ModelFormat::kOpenvinoIr, models_ / "row/model.xml"}, options);
    return compiled.ok() ? std::string("accepted") : compiled.status().to_string();
  };
  EXPECT_THAT(refusal(*runtime, "LEGACY"), AllOf(HasSubstr("INVALID_ARGUMENT: LEGACY.NAME is expected: the OpenVINO 2"),
                                                 HasSubstr("has LEGACY.CPU, MYRIAD"), Not(HasSubstr("HDDL"))));
  EXPECT_THAT(refusal(*runtime, "LEGACY.XPU"), HasSubstr("XPU"));
  RemoteRuntime nowhere("", default_worker_program(), limits_, Log());
  EXPECT_THAT(refusal(nowhere, "LEGACY"),
              AllOf(HasSubstr("LEGACY.NAME is expected"), HasSubstr("--openvino_legacy_dir")));
}

TEST_F(WorkerFixture, AStickComputesInHalfPrecisionAndSaysSo) {
  const auto runtime = this->runtime();
  const auto model = compile(*runtime);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->info().device, "MYRIAD");
  EXPECT_EQ(model->info().precision, "FP16");
  EXPECT_EQ(model->info().device_name, "simulated Neural Compute Stick");
}

TEST_F(WorkerFixture, AListKeepsFromAStickWhatItsPluginRefuses) {
  const auto runtime = this->runtime();
  for (const char* key : {"PERFORMANCE_HINT", "NUM_STREAMS", "CACHE_DIR", "MYRIAD_ENABLE_MX_BOOT"})
    EXPECT_TRUE(runtime->knows_property("MYRIAD", key)) << key;
  for (const char* key : {"INFERENCE_NUM_THREADS", "INFERENCE_PRECISION_HINT", "ENABLE_CPU_PINNING", "GPU_X"}) {
    EXPECT_FALSE(runtime->knows_property("MYRIAD.1.2", key)) << key;
    EXPECT_FALSE(runtime->knows_property("HDDL", key)) << key;
    EXPECT_TRUE(runtime->knows_property("LEGACY.CPU", key)) << key << ": its library says itself what it knows";
  }
  EXPECT_FALSE(runtime->knows_property("HDDL", "PERFORMANCE_HINT"));
  EXPECT_EQ(runtime->worker_pid(), -1) << "nothing was started for that";
}

TEST_F(WorkerFixture, AWorkerWithoutModelsEnds) {
  limits_.idle = std::chrono::milliseconds(50);
  const auto runtime = this->runtime();
  auto model = compile(*runtime);
  ASSERT_NE(model, nullptr);
  EXPECT_GT(runtime->worker_pid(), 0);
  model.reset();
  EXPECT_TRUE(within(std::chrono::seconds(20), [&] { return runtime->worker_pid() == -1; }));
  model = compile(*runtime);
  ASSERT_NE(model, nullptr) << "and starts again when it is needed";
}

TEST_F(WorkerFixture, TheSteadyStateAllocatesNothing) {
  const auto runtime = this->runtime();
  const auto model = compile(*runtime);
  ASSERT_NE(model, nullptr);
  auto request = model->create_request();
  ASSERT_TRUE(request.ok());
  std::vector<float> input(64, 2);
  std::vector<float> output(64);
  const TensorView in{DataType::kFp32, {1, 64}, reinterpret_cast<std::byte*>(input.data()), 256};
  const TensorView out{DataType::kFp32, {1, 64}, reinterpret_cast<std::byte*>(output.data()), 256};
  const auto once = [&] {
    return (*request)->set_input(0, in).ok() && (*request)->set_output(0, out).ok() && (*request)->run().ok();
  };
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(once());
  const std::size_t before = test::allocations.load();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(once());
  EXPECT_EQ(test::allocations.load(), before);
  EXPECT_EQ(output, input);
}

// As a pipeline does whose next node is quick.
class RunsAnother final : public InferCompletion {
 public:
  RunsAnother(InferRequest& other, testing::RunWaiter& done) : other_(other), done_(done) {}
  void on_infer_done(const Status& status) noexcept override {
    done_.on_infer_done(status.ok() ? other_.run() : status);
  }

 private:
  InferRequest& other_;
  testing::RunWaiter& done_;
};

TEST_F(WorkerFixture, ACompletionMayRunAnotherRequest) {
  const auto runtime = this->runtime();
  const auto model = compile(*runtime);
  ASSERT_NE(model, nullptr);
  auto first = model->create_request();
  auto second = model->create_request();
  ASSERT_TRUE(first.ok() && second.ok());
  std::vector<float> input(64, 2);
  const TensorView view{DataType::kFp32, {1, 64}, reinterpret_cast<std::byte*>(input.data()), 256};
  ASSERT_TRUE((*first)->set_input(0, view).ok() && (*second)->set_input(0, view).ok());
  for (int i = 0; i < 20; ++i) {
    testing::RunWaiter done;
    RunsAnother completion(**second, done);
    (*first)->start(completion);
    ASSERT_TRUE(done.wait());
    ASSERT_TRUE(done.status().ok()) << done.status().to_string();
  }
}

TEST_F(WorkerFixture, WithoutAFolderTheAnswerSaysWhatToInstall) {
  library_.clear();
  const auto runtime = this->runtime();
  CompileOptions options;
  options.device = "MYRIAD";
  const auto status = runtime->compile({ModelFormat::kOpenvinoIr, models_ / "row/model.xml"}, options).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("MYRIAD"), HasSubstr("2022.3 LTS"), HasSubstr("--openvino_legacy_dir")));
  const auto devices = runtime->devices();
  EXPECT_THAT(names(devices, false), ::testing::UnorderedElementsAre("MYRIAD", "HDDL"));
  EXPECT_THAT(devices[0].reason, HasSubstr("--openvino_legacy_dir"));
  EXPECT_EQ(runtime->worker_pid(), -1) << "nothing is started for that";
}

TEST_F(WorkerFixture, ALibraryThatCannotBeLoadedSaysWhy) {
  folder_.write("libopenvino_c.so", "not a library");
  library_ = folder_.path();
  const auto runtime = this->runtime();
  CompileOptions options;
  options.device = "MYRIAD";
  const auto status = runtime->compile({ModelFormat::kOpenvinoIr, models_ / "row/model.xml"}, options).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(library_.string()), HasSubstr("cannot be loaded")));
}

TEST_F(WorkerFixture, AWorkerThatIsMissingOrNoneOfOursIsTold) {
  for (const char* program : {"/nonexistent/worker", "/bin/true"}) {
    RemoteRuntime runtime(library_, program, limits_, Log());
    CompileOptions options;
    options.device = "MYRIAD";
    const auto status = runtime.compile({ModelFormat::kOpenvinoIr, models_ / "row/model.xml"}, options).status();
    EXPECT_EQ(status.code(), StatusCode::kUnavailable) << program;
    EXPECT_THAT(std::string(status.message()), HasSubstr("worker")) << program;
  }
}

TEST_F(WorkerFixture, WhatTheCInterfaceCannotDoIsRefusedByName) {
  const auto runtime = this->runtime();
  const auto refusal = [&](auto change) {
    CompileOptions options;
    options.device = "LEGACY.CPU";
    change(options);
    const auto status = runtime->compile({ModelFormat::kOpenvinoIr, models_ / "row/model.xml"}, options).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_THAT(refusal([](auto& o) { o.preprocess.mean = {1}; }), HasSubstr("mean"));
  EXPECT_THAT(refusal([](auto& o) { o.preprocess.layout[""] = "NHWC:NCHW"; }), HasSubstr("layout"));
  EXPECT_THAT(refusal([](auto& o) { o.extension_library = "x.so"; }), HasSubstr("cpu_extension"));
}

TEST_F(WorkerFixture, ABatchSizeReshapesTheModel) {
  const auto runtime = this->runtime();
  CompileOptions options;
  options.device = "LEGACY.CPU";
  options.batch = Dimension::fixed(4);
  auto model = runtime->compile({ModelFormat::kOpenvinoIr, models_ / "row/model.xml"}, options);
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  EXPECT_EQ((*model)->signature().inputs[0].shape.to_string(), "(4,64)");
  EXPECT_EQ((*model)->signature().outputs[0].shape.to_string(), "(4,64)");
}

}  // namespace
}  // namespace ocelli::openvino_c
