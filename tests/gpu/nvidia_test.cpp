// ONNX Runtime's providers on an NVIDIA card: graphs, memory, placement, caches. Skipped where there is no card.
#include "support/backend_fixture.hpp"

namespace ocelli {
namespace {

using ::testing::HasSubstr;
using ::testing::Pointwise;
using testing::TemporaryFolder;

class Nvidia : public testing::BackendFixture {
 protected:
  Nvidia() : BackendFixture("onnxruntime", ModelFormat::kOnnx, "model.onnx") {}

  void SetUp() override {
    BackendFixture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (const auto why = missing("CUDA.0"); !why.empty()) GTEST_SKIP() << why;
  }

  // Why a device cannot be used; empty when it can.
  std::string missing(const std::string& device) {
    for (const auto& known : runtime_->devices()) {
      if (known.name == device) return known.usable ? "" : device + ": " + known.reason;
    }
    return device + ": no NVIDIA card is visible";
  }

  static CompileOptions on(const std::string& device, std::map<std::string, std::string> properties = {}) {
    CompileOptions options;
    options.device = device;
    options.properties = std::move(properties);
    options.properties.emplace("INFERENCE_PRECISION_HINT", "f32");
    return options;
  }

  static std::vector<float> ramp(std::size_t count, float first) {
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = first + 0.01F * static_cast<float>(i);
    return values;
  }

  // What the model answers to one row of 64 floats, compared with the CPU's answer.
  void expect_cpus_answers(CompiledModel& model, const std::string& name, std::int64_t rows) {
    auto cpu = compile(name, on("CPU"));
    ASSERT_NE(cpu, nullptr);
    auto request = model.create_request();
    ASSERT_TRUE(request.ok()) << request.status().to_string();
    // Several inputs through one request: a replayed graph must not answer to the first one for ever.
    for (const float first : {-3.0F, 0.5F, 7.0F}) {
      const auto values = ramp(static_cast<std::size_t>(rows) * 64, first);
      const auto expected = run_floats(*cpu, {rows, 64}, values);
      EXPECT_THAT(run(**request, DataType::kFp32, {rows, 64}, values),
                  Pointwise(::testing::FloatNear(1e-3F), expected));
    }
  }
};

TEST_F(Nvidia, RunsWhereItSays) {
  auto model = compile("product", on("CUDA.0"));
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->info().device, "CUDA.0");
  EXPECT_EQ(model->info().precision, "FP32");
  EXPECT_TRUE(model->model_info().contains("placement/CUDA.0"));
  expect_cpus_answers(*model, "product", 2);
}

TEST_F(Nvidia, GraphsAnswerToEachInput) {
  auto options = on("CUDA.0", {{"enable_cuda_graph", "YES"}});
  options.batch = Dimension::fixed(2);
  auto model = compile("product", options);
  ASSERT_NE(model, nullptr);
  expect_cpus_answers(*model, "product", 2);
}

TEST_F(Nvidia, GraphsNeedFixedShapes) {
  const auto refused = try_compile("product", on("CUDA.0", {{"enable_cuda_graph", "YES"}}));
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("fixed shapes"));
}

TEST_F(Nvidia, MemoryIsGivenBackAfterEachRunWhenAsked) {
  auto model = compile("product", on("CUDA.0", {{"ARENA_SHRINKAGE", "YES"}, {"gpu_mem_limit", "1073741824"}}));
  ASSERT_NE(model, nullptr);
  expect_cpus_answers(*model, "product", 5);
}

TEST_F(Nvidia, BoundOutputsAreWritten) {
  auto model = compile("product", on("CUDA.0"));
  ASSERT_NE(model, nullptr);
  auto request = model->create_request();
  ASSERT_TRUE(request.ok());
  std::vector<float> answer(64, -1);
  const TensorView view{DataType::kFp32, {1, 64}, reinterpret_cast<std::byte*>(answer.data()), 256};
  ASSERT_TRUE((*request)->set_output(0, view).ok());
  const auto ours = run(**request, DataType::kFp32, {1, 64}, ramp(64, 1));
  EXPECT_EQ(answer, ours);
  EXPECT_NE(answer, std::vector<float>(64, -1));
}

TEST_F(Nvidia, HeteroSharesAModelWithTheCpu) {
  auto model = compile("product", on("HETERO:CUDA.0,CPU"));
  ASSERT_NE(model, nullptr);
  EXPECT_THAT(model->info().device, HasSubstr("CUDA.0"));
  expect_cpus_answers(*model, "product", 1);
}

TEST_F(Nvidia, PrefersTensorrtAndSaysWhyNot) {
  auto model = compile("product", on("NVIDIA.0"));
  ASSERT_NE(model, nullptr);
  if (missing("TENSORRT.0").empty()) {
    EXPECT_THAT(model->info().device, HasSubstr("TENSORRT.0"));
  } else {
    EXPECT_THAT(model->info().note, HasSubstr("TensorRT"));
  }
}

TEST_F(Nvidia, EnginesAreKept) {
  if (const auto why = missing("TENSORRT.0"); !why.empty()) GTEST_SKIP() << why;
  const TemporaryFolder cache;
  auto options = on("TENSORRT.0");
  options.cache_dir = cache.path().string();
  options.batch = Dimension::fixed(2);
  for (const bool second : {false, true}) {
    auto model = compile("product", options);
    ASSERT_NE(model, nullptr);
    EXPECT_EQ(model->info().loaded_from_cache, second);
    expect_cpus_answers(*model, "product", 2);
  }
}

}  // namespace
}  // namespace ocelli
