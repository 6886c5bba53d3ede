// What only the ONNX Runtime backend does: its threads, dimensions, providers and what it refuses.
#include "support/backend_fixture.hpp"
#include "support/sanitizers.hpp"

namespace ocelli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

class OnnxruntimeBackend : public testing::BackendFixture {
 protected:
  OnnxruntimeBackend() : BackendFixture("onnxruntime", ModelFormat::kOnnx, "model.onnx") {}
};

TEST_F(OnnxruntimeBackend, OpenDimensionsAreFixedByName) {
  CompileOptions options;
  options.batch = Dimension::fixed(3);
  auto model = compile("product", options);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->signature().inputs[0].shape.to_string(), "(3,64)");
  EXPECT_EQ(model->signature().outputs[0].shape.to_string(), "(3,64)");
}

TEST_F(OnnxruntimeBackend, RangesNarrowWhatIsAccepted) {
  CompileOptions options;
  options.shapes["x"] = {{Dimension{1, 4}, Dimension::fixed(64)}};
  auto model = compile("product", options);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->signature().inputs[0].shape.to_string(), "(1:4,64)");
  EXPECT_EQ(run_floats(*model, {2, 64}, std::vector<float>(128, 0)).size(), 128U);
}

TEST_F(OnnxruntimeBackend, DimensionsThatTheFileFixesCannotChange) {
  CompileOptions options;
  options.batch = Dimension::fixed(3);
  EXPECT_THAT(error_of("row", options, StatusCode::kFailedPrecondition),
              AllOf(HasSubstr("Model could not be reshaped with requested shape - "), HasSubstr("input x"),
                    HasSubstr("fixes")));
  options.batch.reset();
  options.shapes["x"] = PartialShape::from({1, 64});
  EXPECT_NE(compile("row", options), nullptr) << "the file's own shape is no change";
}

TEST_F(OnnxruntimeBackend, PreprocessingIsRefusedByName) {
  CompileOptions options;
  options.preprocess.layout["x"] = "NHWC:NCHW";
  EXPECT_THAT(error_of("picture", options, StatusCode::kInvalidArgument), HasSubstr("layout"));
  options.preprocess = {};
  options.preprocess.mean = {1};
  EXPECT_THAT(error_of("picture", options, StatusCode::kInvalidArgument), HasSubstr("mean"));
  options.preprocess = {};
  options.preprocess.precision = "uint8";
  EXPECT_THAT(error_of("picture", options, StatusCode::kInvalidArgument), HasSubstr("precision"));
  options.preprocess = {};
  options.preprocess.layout["x"] = "NCHW";
  auto model = compile("picture", options);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->signature().inputs[0].layout, "NCHW");
}

TEST_F(OnnxruntimeBackend, TellsThePrecisionOfQuantizedAndHalfModels) {
  auto quantized = compile("quantized");
  ASSERT_NE(quantized, nullptr);
  EXPECT_EQ(quantized->info().precision, "INT8");
#if !defined(__aarch64__)
  auto half = compile("half");
  ASSERT_NE(half, nullptr);
  EXPECT_EQ(half->info().precision, "FP32");
  EXPECT_THAT(half->info().note, HasSubstr("FP16"));
#endif
  CompileOptions options;
  options.properties["INFERENCE_PRECISION_HINT"] = "bf16";
  EXPECT_THAT(error_of("row", options, StatusCode::kInvalidArgument),
              AllOf(HasSubstr("INFERENCE_PRECISION_HINT"), HasSubstr("bf16")));
}

TEST_F(OnnxruntimeBackend, StreamsAndThreadsAreWhatWasAskedFor) {
  CompileOptions options;
  options.properties["NUM_STREAMS"] = "3";
  options.properties["INFERENCE_NUM_THREADS"] = "4";
  auto model = compile("row", options);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->info().streams, 3U);
  EXPECT_EQ(model->info().threads, 4U);
  EXPECT_EQ(model->info().optimal_requests, 3U);
  options.properties = {
      {"PERFORMANCE_HINT", "THROUGHPUT"}, {"INFERENCE_NUM_THREADS", "2"}, {"session.intra_op.allow_spinning", "0"}};
  auto throughput = compile("row", options);
  ASSERT_NE(throughput, nullptr);
  EXPECT_EQ(throughput->info().streams, 2U);
}

TEST_F(OnnxruntimeBackend, GivesMemoryBackAfterARunMuchLargerThanUsual) {
  if (test::kMemoryIsTheSanitizers) GTEST_SKIP() << "the sanitizer keeps freed memory";
  auto model = compile("widened");
  ASSERT_NE(model, nullptr);
  expect_memory_back_after_an_outlier(*model);
}

TEST_F(OnnxruntimeBackend, MetadataOfTheFileIsShown) {
  auto model = compile("row");
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->model_info().at("author"), "ocelli");
}

TEST_F(OnnxruntimeBackend, MissingProviderSaysWhatToDo) {
  for (const auto& device : runtime_->devices()) {
    if (device.name != "CPU" && device.usable) GTEST_SKIP() << "this machine has " << device.name;
  }
  for (const char* device : {"CUDA.0", "TENSORRT", "NVIDIA.0", "HETERO:CUDA.0,CPU"}) {
    CompileOptions options;
    options.device = device;
    EXPECT_THAT(error_of("row", options, StatusCode::kFailedPrecondition),
                AllOf(HasSubstr(device), ::testing::AnyOf(HasSubstr("onnxruntime-gpu"), HasSubstr("nvidia-smi"),
                                                          HasSubstr("tools/setup/setup cuda"))));
  }
}

TEST_F(OnnxruntimeBackend, TellsWhichOperatorsRanWhere) {
  CompileOptions options;
  options.device = "HETERO:CPU";
  auto model = compile("picture", options);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->info().device, "CPU");
  EXPECT_EQ(model->model_info().at("placement/CPU"), "1 node: Relu 1");
  EXPECT_EQ(model->info().note, "") << "there is nothing to tell where one device runs all";
}

TEST_F(OnnxruntimeBackend, UnknownKeysAreRefusedBeforeTheProviderIsLookedFor) {
  CompileOptions options;
  options.device = "CUDA.0";
  options.properties["no_such_key"] = "1";
  EXPECT_THAT(error_of("row", options, StatusCode::kInvalidArgument),
              AllOf(HasSubstr("no_such_key"), HasSubstr("CUDA.0")));
  options.properties = {{"gpu_mem_limit", "much"}};
  EXPECT_THAT(error_of("row", options, StatusCode::kInvalidArgument),
              AllOf(HasSubstr("gpu_mem_limit"), HasSubstr("much")));
}

// ONNX Runtime records on one thread while no other uses the card.
TEST_F(OnnxruntimeBackend, CudaGraphsTakeOneStream) {
  CompileOptions options;
  options.device = "CUDA.0";
  options.properties = {{"enable_cuda_graph", "YES"}, {"NUM_STREAMS", "2"}};
  EXPECT_THAT(error_of("row", options, StatusCode::kInvalidArgument),
              AllOf(HasSubstr("NUM_STREAMS is 2"), HasSubstr("one stream")));
}

TEST_F(OnnxruntimeBackend, WrongLibraryFolderSaysWhatToDo) {
  const TemporaryFolder folder;
  BackendContext context;
  context.library_path = folder.path().string();
  auto missing = load_backend(default_backend_folder(), "onnxruntime", context);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(missing.status().message()),
              AllOf(HasSubstr(context.library_path), HasSubstr("ONNXRUNTIME_ROOT")));
  folder.write("libonnxruntime.so", "this is no library");
  auto broken = load_backend(default_backend_folder(), "onnxruntime", context);
  ASSERT_FALSE(broken.ok());
  EXPECT_THAT(std::string(broken.status().message()), HasSubstr("libonnxruntime.so"));
}

}  // namespace
}  // namespace ocelli
