// What only the OpenVINO backend does: preprocessing, reshaping, its properties and variables.
#include <numeric>

#include "backends/openvino_fixture.hpp"
#include "support/sanitizers.hpp"

namespace ocelli::openvino {
namespace {

using ::testing::AllOf;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;
using testing::TemporaryFolder;

// A picture of 4x5 pixels with three channels, every value its own, as clients send it (NHWC) and as the model sees it
// (NCHW).
std::vector<float> pixels() {
  std::vector<float> values(60);
  std::iota(values.begin(), values.end(), 1.0F);
  return values;
}
std::vector<float> planes(const std::vector<float>& nhwc) {
  std::vector<float> values(60);
  for (std::size_t pixel = 0; pixel < 20; ++pixel) {
    for (std::size_t channel = 0; channel < 3; ++channel) values[channel * 20 + pixel] = nhwc[pixel * 3 + channel];
  }
  return values;
}

TEST_F(OpenvinoBackend, TransposesWhatClientsSendToWhatTheModelHas) {
  for (const char* name : {"", "x"}) {
    auto options = exact_;
    options.preprocess.layout[name] = "nhwc:nchw";
    auto model = compile("picture", options);
    ASSERT_NE(model, nullptr);
    EXPECT_EQ(model->signature().inputs[0].shape.to_string(), "(1,4,5,3)");
    EXPECT_EQ(model->signature().inputs[0].layout, "NHWC");
    EXPECT_EQ(model->signature().outputs[0].shape.to_string(), "(1,3,4,5)");
    EXPECT_EQ(run_floats(*model, {1, 4, 5, 3}, pixels()), planes(pixels()));
  }
}

TEST_F(OpenvinoBackend, TransposesOutputsByTheirNames) {
  auto options = exact_;
  options.preprocess.layout["y"] = "NHWC:NCHW";
  auto model = compile("picture", options);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->signature().outputs[0].shape.to_string(), "(1,4,5,3)");
  EXPECT_EQ(run_floats(*model, {1, 3, 4, 5}, planes(pixels())), pixels());
}

TEST_F(OpenvinoBackend, ALayoutAloneOnlyNamesTheDimensions) {
  auto options = exact_;
  options.preprocess.layout["x"] = "CN";
  options.batch = Dimension::fixed(7);
  auto model = compile("fixed_batch", options);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->signature().inputs[0].shape.to_string(), "(1,7)");
}

TEST_F(OpenvinoBackend, MeanScaleColourAndPrecisionAreBuiltIn) {
  auto options = exact_;
  options.preprocess.layout["x"] = "NHWC:NCHW";
  options.preprocess.mean = {1, 2, 3};
  options.preprocess.scale = {2, 4, 5};
  options.preprocess.color_format = "BGR:RGB";
  std::vector<std::uint8_t> bytes(60);
  for (std::size_t i = 0; i < 60; ++i) bytes[i] = static_cast<std::uint8_t>(i * 4 + 10);
  std::vector<float> expected(60);  // channel 0 of the model is the last that came
  const float mean[]{1, 2, 3};
  const float scale[]{2, 4, 5};
  for (std::size_t pixel = 0; pixel < 20; ++pixel) {
    for (std::size_t c = 0; c < 3; ++c)
      expected[c * 20 + pixel] = (static_cast<float>(bytes[pixel * 3 + 2 - c]) - mean[c]) / scale[c];
  }
  for (const char* precision : {"uint8:fp32", "uint8"}) {
    options.preprocess.precision = precision;
    auto model = compile("picture", options);
    ASSERT_NE(model, nullptr) << precision;
    EXPECT_EQ(model->signature().inputs[0].type, DataType::kUint8);
    auto request = request_of(*model);
    EXPECT_THAT(run(*request, DataType::kUint8, {1, 4, 5, 3}, bytes), Pointwise(FloatNear(1e-4F), expected));
  }
}

TEST_F(OpenvinoBackend, OneMeanAndScaleServeAllChannels) {
  auto options = exact_;
  options.preprocess.layout["x"] = "NCHW";
  options.preprocess.mean = {1};
  options.preprocess.scale = {2};
  auto model = compile("picture", options);
  ASSERT_NE(model, nullptr);
  auto expected = pixels();
  for (auto& value : expected) value = (value - 1) / 2;
  EXPECT_THAT(run_floats(*model, {1, 3, 4, 5}, pixels()), Pointwise(FloatNear(1e-5F), expected));
}

TEST_F(OpenvinoBackend, WrongPreprocessingIsNamed) {
  auto options = exact_;
  options.preprocess.layout["z"] = "NHWC:NCHW";
  EXPECT_THAT(error_of("picture", options, StatusCode::kInvalidArgument), HasSubstr("z"));
  options.preprocess.layout = {{"x", "NHW:NCHW"}};
  EXPECT_THAT(error_of("picture", options, StatusCode::kInvalidArgument), HasSubstr("layout"));
  options.preprocess.layout = {{"", "NC"}};
  EXPECT_THAT(error_of("sum", options, StatusCode::kInvalidArgument), HasSubstr("layout"));
  options.preprocess = {};
  options.preprocess.mean = {1, 2, 3};
  EXPECT_THAT(error_of("picture", options, StatusCode::kInvalidArgument), HasSubstr("layout"));
  options.preprocess.layout["x"] = "NCHW";
  options.preprocess.mean = {1, 2};
  EXPECT_THAT(error_of("picture", options, StatusCode::kInvalidArgument), HasSubstr("mean"));
  options.preprocess.mean.clear();
  options.preprocess.color_format = "CMYK";
  EXPECT_THAT(error_of("picture", options, StatusCode::kInvalidArgument), HasSubstr("CMYK"));
  options.preprocess.color_format.clear();
  options.preprocess.precision = "fp12";
  EXPECT_THAT(error_of("picture", options, StatusCode::kInvalidArgument), HasSubstr("fp12"));
}

TEST_F(OpenvinoBackend, ShapesMayBeFixedOpenedAndRanged) {
  auto options = exact_;
  options.shapes["x"] = {{Dimension{1, 8}, Dimension::fixed(3), Dimension::any(), Dimension::fixed(2)}};
  auto model = compile("picture", options);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->signature().inputs[0].shape.to_string(), "(1:8,3,-1,2)");
  EXPECT_EQ(run_floats(*model, {2, 3, 1, 2}, std::vector<float>(12, 1)), std::vector<float>(12, 1));
  auto request = request_of(*model);
  std::vector<float> nine(9 * 3 * 2);
  EXPECT_EQ(
      request->set_input(0, {DataType::kFp32, {9, 3, 1, 2}, reinterpret_cast<std::byte*>(nine.data()), nine.size() * 4})
          .code(),
      StatusCode::kInvalidArgument);
}

TEST_F(OpenvinoBackend, BatchReshapesEveryInput) {
  auto options = exact_;
  options.batch = Dimension::fixed(3);
  auto model = compile("sum", options);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->signature().inputs[0].shape.to_string(), "(3,4)");
  EXPECT_EQ(model->signature().inputs[1].shape.to_string(), "(3,4)");
  EXPECT_EQ(model->signature().outputs[0].shape.to_string(), "(3,4)");
}

TEST_F(OpenvinoBackend, ImpossibleShapesSayWhatOvmsSays) {
  auto options = exact_;
  options.shapes["x"] = PartialShape::from({1, 63});
  EXPECT_THAT(error_of("product", options, StatusCode::kFailedPrecondition),
              HasSubstr("Model could not be reshaped with requested shape - "));
  options.shapes = {{"other", PartialShape::from({1, 64})}};
  EXPECT_THAT(error_of("product", options, StatusCode::kInvalidArgument), HasSubstr("other"));
}

TEST_F(OpenvinoBackend, ReportsThePrecisionThatReallyRuns) {
  auto exact = compile("product", exact_);
  ASSERT_NE(exact, nullptr);
  EXPECT_EQ(exact->info().precision, "FP32");
  EXPECT_EQ(exact->info().note, "");
  auto free_choice = compile("product");
  ASSERT_NE(free_choice, nullptr);
  const auto devices = runtime_->devices();
  const auto& precisions = devices.front().precisions;
  // What the plugin takes by itself where the processor has it.
#ifdef __aarch64__
  const std::string half = "FP16";
#else
  const std::string half = "BF16";
#endif
  const bool has_half = std::find(precisions.begin(), precisions.end(), half) != precisions.end();
  EXPECT_EQ(free_choice->info().precision, has_half ? half : "FP32");
  EXPECT_EQ(free_choice->info().note,
            has_half ? "computes in " + half + ", which the device chose, so that answers differ a little from FP32; " +
                           R"(plugin_config {"INFERENCE_PRECISION_HINT":"f32"} makes it compute in FP32)"
                     : "");
}

TEST_F(OpenvinoBackend, GivesMemoryBackAfterARunMuchLargerThanUsual) {
  if (test::kMemoryIsTheSanitizers) GTEST_SKIP() << "the sanitizer keeps freed memory";
  auto model = compile("widened", exact_);
  ASSERT_NE(model, nullptr);
  expect_memory_back_after_an_outlier(*model);
}

TEST_F(OpenvinoBackend, LightModelsAreNotSaidToComputeInWhatHeavyOnesWould) {
  for (const auto& [name, precision] : {std::pair("row", "FP32"), std::pair("dynamic", "FP32"),
                                        std::pair("identity_int8", "INT8"), std::pair("identity_string", "STRING")}) {
    auto model = compile(name);
    ASSERT_NE(model, nullptr) << name;
    EXPECT_EQ(model->info().precision, precision) << name;
    EXPECT_EQ(model->info().note, "") << name;
  }
}

TEST_F(OpenvinoBackend, RefusesValuesThatTheDeviceWouldCutOff) {
  constexpr std::int64_t kWide = (std::int64_t{1} << 32) + 5;
  std::vector<std::int64_t> values{1, 2, 3, 4, 5, kWide};
  const TensorView view{DataType::kInt64, {2, 3}, reinterpret_cast<std::byte*>(values.data()), 6 * sizeof(kWide)};
  auto model = compile("identity_int64");
  ASSERT_NE(model, nullptr);
  EXPECT_THAT(model->info().note,
              HasSubstr("computed in 32 bits; requests with values beyond their range are refused"));
  EXPECT_EQ(request_of(*model)->set_input(0, view).to_string(),
            "INVALID_ARGUMENT: Invalid input value - Expected: INT64 that fits INT32, in which the device computes; "
            "Actual: 4294967301; input name: x");
  std::vector<double> doubles{1, 2, 3, 4, 5, 1e300};
  auto floating = compile("identity_float64");
  ASSERT_NE(floating, nullptr);
  EXPECT_EQ(
      request_of(*floating)
          ->set_input(0, {DataType::kFp64, {2, 3}, reinterpret_cast<std::byte*>(doubles.data()), 6 * sizeof(double)})
          .code(),
      StatusCode::kInvalidArgument);
  // The model's own conversion takes the whole value.
  auto converting = compile("wide_to_float", exact_);
  ASSERT_NE(converting, nullptr);
  const auto request = request_of(*converting);
  EXPECT_EQ(run(*request, DataType::kInt64, {2, 3}, values),
            (std::vector<float>{1, 2, 3, 4, 5, static_cast<float>(kWide)}));
}

TEST_F(OpenvinoBackend, StreamsAndThreadsAreWhatWasAskedFor) {
  auto options = exact_;
  options.properties["NUM_STREAMS"] = "2";
  options.properties["INFERENCE_NUM_THREADS"] = "2";
  auto model = compile("row", options);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->info().streams, 2U);
  EXPECT_EQ(model->info().threads, 2U);
  EXPECT_EQ(model->info().optimal_requests, 2U);
  auto latency = compile("row", exact_);
  ASSERT_NE(latency, nullptr);
  EXPECT_EQ(latency->info().optimal_requests, 1U);
}

TEST_F(OpenvinoBackend, SaysWhichKeysItsDevicesKnow) {
  const auto knows = [this](const char* device, const char* key) { return runtime_->knows_property(device, key); };
  for (const char* key : {"PERFORMANCE_HINT", "NUM_STREAMS", "INFERENCE_NUM_THREADS", "INFERENCE_PRECISION_HINT",
                          "ENABLE_CPU_PINNING", "CACHE_DIR", "ENABLE_MMAP", "CPU_DENORMALS_OPTIMIZATION"})
    EXPECT_TRUE(knows("CPU", key)) << key;
  for (const char* key : {"FOO", "CPU_THREADS_NUM", "GPU_THROUGHPUT_STREAMS", "SCHEDULE_POLICY", "gpu_mem_limit"})
    EXPECT_FALSE(knows("CPU", key)) << key;
  EXPECT_TRUE(knows("HETERO:CPU", "MODEL_DISTRIBUTION_POLICY"));
  // Of a device that is not here.
  EXPECT_TRUE(knows("GPU.7", "GPU_QUEUE_PRIORITY"));
  EXPECT_TRUE(knows("GPU.7", "MODEL_PRIORITY"));
  EXPECT_TRUE(knows("GPU.7", "NUM_STREAMS"));
  EXPECT_FALSE(knows("GPU.7", "FOO"));
  EXPECT_FALSE(knows("GPU.7", "INFERENCE_NUM_THREADS")) << "a list keeps it for its processor";
  EXPECT_FALSE(knows("NPU.7", "INFERENCE_NUM_THREADS"));
  EXPECT_TRUE(knows("HETERO:GPU.7,CPU", "INFERENCE_NUM_THREADS"));
}

TEST_F(OpenvinoBackend, ProxyDevicesRunOnTheirMembers) {
  for (const char* device : {"AUTO", "AUTO:CPU", "MULTI:CPU", "HETERO:CPU", "BATCH:CPU(2)"}) {
    SCOPED_TRACE(device);
    CompileOptions options;
    options.device = device;
    auto model = compile("row", options);
    if (!model) continue;
    EXPECT_THAT(model->info().device, HasSubstr("CPU"));
    EXPECT_EQ(run_floats(*model, {1, 64}, std::vector<float>(64, 2)), std::vector<float>(64, 2));
  }
  CompileOptions options;
  options.device = "MULTI:CPU,MYRIAD";
  EXPECT_THAT(error_of("row", options, StatusCode::kFailedPrecondition), AllOf(HasSubstr("MYRIAD"), HasSubstr("CPU")));
}

TEST_F(OpenvinoBackend, HeteroSaysWhoRunsWhat) {
  CompileOptions options;
  options.device = "HETERO:CPU";
  auto model = compile("counter", options);
  ASSERT_NE(model, nullptr);
  EXPECT_THAT(model->info().note, AllOf(HasSubstr("CPU runs "), HasSubstr("Add 1")));
  EXPECT_THAT(compile("row", exact_)->info().note, ::testing::Not(HasSubstr(" runs ")));
}

TEST_F(OpenvinoBackend, ProxyDevicesTakeTheirMembersProperties) {
  for (const char* device : {"AUTO:CPU", "MULTI:CPU", "HETERO:CPU", "BATCH:CPU(2)"}) {
    SCOPED_TRACE(device);
    CompileOptions options;
    options.device = device;
    options.properties["NUM_STREAMS"] = "2";
    options.properties["INFERENCE_PRECISION_HINT"] = "f32";
    EXPECT_NE(compile("row", options), nullptr);
  }
}

TEST_F(OpenvinoBackend, VariablesLiveBetweenRunsAndCanBeKept) {
  auto model = compile("counter", exact_);
  ASSERT_NE(model, nullptr);
  EXPECT_TRUE(model->stateful());
  auto request = request_of(*model);
  const auto add = [&](float a, float b) { return run(*request, DataType::kFp32, {1, 2}, std::vector<float>{a, b}); };
  EXPECT_EQ(add(1, 10), (std::vector<float>{1, 10}));
  EXPECT_EQ(add(1, 10), (std::vector<float>{2, 20}));
  auto kept = request->save_state();
  ASSERT_TRUE(kept.ok());
  ASSERT_EQ(kept->size(), 1U);
  ASSERT_TRUE(request->reset_state().ok());
  EXPECT_EQ(add(5, 5), (std::vector<float>{5, 5}));
  ASSERT_TRUE(request->restore_state(*kept).ok());
  EXPECT_EQ(add(1, 10), (std::vector<float>{3, 30}));
  // The same state in another request of the model.
  auto other = request_of(*model);
  ASSERT_TRUE(other->restore_state(*kept).ok());
  EXPECT_EQ(run(*other, DataType::kFp32, {1, 2}, std::vector<float>{0, 0}), (std::vector<float>{2, 20}));
  EXPECT_EQ(request->restore_state({}).code(), StatusCode::kInvalidArgument);
}

TEST_F(OpenvinoBackend, TensorsWithoutNamesAreCalledAfterTheirNodes) {
  auto model = compile("unnamed", exact_);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->signature().inputs[0].name, "in_node");
  EXPECT_EQ(model->signature().outputs[0].name, "out_node");
}

TEST_F(OpenvinoBackend, ModelInfoIsFlattened) {
  auto model = compile("row", exact_);
  ASSERT_NE(model, nullptr);
  EXPECT_FALSE(model->stateful());
  const auto info = model->model_info();
  EXPECT_EQ(info.at("model_info/labels"), "a b c");
  EXPECT_EQ(info.at("model_info/sub/depth"), "2");
}

TEST_F(OpenvinoBackend, TheLowLatencyTransformationKeepsALoopsStateBetweenRuns) {
  for (const bool transformed : {false, true}) {
    auto options = exact_;
    options.low_latency_transformation = transformed;
    auto model = compile("loop", options);
    ASSERT_NE(model, nullptr);
    EXPECT_EQ(model->stateful(), transformed);
    EXPECT_EQ(model->signature().inputs[0].name, "x") << "as the model calls it";
    auto request = request_of(*model);
    const auto add = [&](float a, float b) {
      return run(*request, DataType::kFp32, {1, 1, 2}, std::vector<float>{a, b});
    };
    EXPECT_EQ(add(1, 10), (std::vector<float>{1, 10}));
    EXPECT_EQ(add(1, 10), transformed ? (std::vector<float>{2, 20}) : (std::vector<float>{1, 10}));
    if (!transformed) continue;
    ASSERT_TRUE(request->reset_state().ok());
    EXPECT_EQ(add(5, 5), (std::vector<float>{5, 5}));
  }
}

// A model with an operation that only the library of tests/support/openvino_extension.cpp knows.
constexpr const char* kTripleModel = R"(<?xml version="1.0"?>
<net name="triple" version="11"><layers>
<layer id="0" name="x" type="Parameter" version="opset1"><data shape="1,2" element_type="f32"/>
<output><port id="0" precision="FP32" names="x"><dim>1</dim><dim>2</dim></port></output></layer>
<layer id="1" name="triple" type="Triple" version="extension">
<input><port id="0" precision="FP32"><dim>1</dim><dim>2</dim></port></input>
<output><port id="1" precision="FP32" names="y"><dim>1</dim><dim>2</dim></port></output></layer>
<layer id="2" name="y/sink" type="Result" version="opset1">
<input><port id="0" precision="FP32"><dim>1</dim><dim>2</dim></port></input></layer></layers>
<edges><edge from-layer="0" from-port="0" to-layer="1" to-port="0"/>
<edge from-layer="1" from-port="1" to-layer="2" to-port="0"/></edges></net>)";

TEST_F(OpenvinoBackend, AnExtensionLibraryBringsItsOperations) {
  const char* library = std::getenv("OCELLI_TEST_EXTENSION");
  ASSERT_NE(library, nullptr) << "set OCELLI_TEST_EXTENSION to the library of tests/support/openvino_extension.cpp";
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "model.xml") << kTripleModel;
  std::ofstream(folder.path() / "model.bin") << "";
  const ModelSource source{ModelFormat::kOpenvinoIr, folder.path() / "model.xml"};
  EXPECT_FALSE(runtime_->compile(source, exact_).ok()) << "nobody knows Triple yet";
  auto options = exact_;
  options.extension_library = library;
  auto model = runtime_->compile(source, options);
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  EXPECT_EQ(run_floats(**model, {1, 2}, {1, 2.5F}), (std::vector<float>{3, 7.5F}));
}

TEST_F(OpenvinoBackend, MissingExtensionIsNamed) {
  auto options = exact_;
  options.extension_library = "/nonexistent/layers.so";
  EXPECT_THAT(error_of("row", options, StatusCode::kInvalidArgument), HasSubstr("/nonexistent/layers.so"));
}

}  // namespace
}  // namespace ocelli::openvino
