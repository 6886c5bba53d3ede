// What only the ARM NN backend does: its devices, options, precisions and what it refuses.
#include <cstdio>
#include <cstdlib>

#include "support/backend_fixture.hpp"

namespace ocelli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::TemporaryFolder;

class ArmnnBackend : public testing::BackendFixture {
 protected:
  ArmnnBackend() : BackendFixture("armnn", ModelFormat::kTflite, "model.tflite") {}

  static CompileOptions reference() {
    CompileOptions options;
    options.device = "ARMNN.CpuRef";
    return options;
  }
};

TEST_F(ArmnnBackend, ListsItsThreeDevicesWithTheReasonForThoseThatCannotBeUsed) {
  std::vector<std::string> names;
  for (const auto& device : runtime_->devices()) {
    names.push_back(device.name);
    EXPECT_EQ(device.usable, device.reason.empty()) << device.name;
    if (device.name == "ARMNN.CpuRef") {
      EXPECT_TRUE(device.usable) << device.reason;
    }
#if defined(__x86_64__)
    if (device.name != "ARMNN.CpuRef") {
      EXPECT_FALSE(device.usable);
      EXPECT_THAT(device.reason, HasSubstr("not registered in this library"));
    }
#endif
  }
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("ARMNN.CpuRef", "ARMNN.CpuAcc", "ARMNN.GpuAcc"));
}

TEST_F(ArmnnBackend, DevicesThatAreNotThereFailAndNothingElseRunsInstead) {
  for (const auto& device : runtime_->devices()) {
    if (device.name == "ARMNN.GpuAcc" && device.usable) GTEST_SKIP() << "there is a Mali GPU";
  }
  for (const auto* device : {"ARMNN.GpuAcc", "GpuAcc", "MALI"}) {
    CompileOptions options;
    options.device = device;
    EXPECT_THAT(
        error_of("row", options, StatusCode::kFailedPrecondition),
        AllOf(HasSubstr(device), HasSubstr("GpuAcc is "), ::testing::ContainsRegex("not registered|no OpenCL")));
  }
}

TEST_F(ArmnnBackend, ShortNamesMeanTheSameDevice) {
  for (const auto* device : {"CpuRef", "ARMNN.CpuRef"}) {
    CompileOptions options;
    options.device = device;
    auto model = compile("row", options);
    ASSERT_NE(model, nullptr);
    EXPECT_EQ(model->info().device, "ARMNN.CpuRef");
  }
}

TEST_F(ArmnnBackend, HalfPrecisionComputesCloseAndSaysSo) {
  auto exact = compile("heavy", reference());
  auto options = reference();
  options.properties["ReduceFp32ToFp16"] = "true";
  auto half = compile("heavy", options);
  ASSERT_TRUE(exact && half);
  EXPECT_EQ(exact->info().precision, "FP32");
  EXPECT_EQ(half->info().precision, "FP16");
  const std::vector<float> values(1024, 0.01F);
  const auto expected = run_floats(*exact, {1, 1024}, values);
  const auto actual = run_floats(*half, {1, 1024}, values);
  ASSERT_EQ(actual.size(), expected.size());
  EXPECT_NE(actual, expected) << "FP16 rounds differently: were the answers equal, nothing was reduced";
  for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 0.02) << i;
}

TEST_F(ArmnnBackend, TheHintForPrecisionMeansTheSame) {
  auto options = reference();
  options.properties["INFERENCE_PRECISION_HINT"] = "f16";
  auto half = compile("heavy", options);
  ASSERT_NE(half, nullptr);
  EXPECT_EQ(half->info().precision, "FP16");
  options.properties["INFERENCE_PRECISION_HINT"] = "bf16";
  EXPECT_THAT(error_of("heavy", options, StatusCode::kInvalidArgument), HasSubstr("bf16"));
  options.properties["INFERENCE_PRECISION_HINT"] = "f32";
  options.properties["ReduceFp32ToFp16"] = "true";
  EXPECT_THAT(error_of("heavy", options, StatusCode::kInvalidArgument), HasSubstr("contradict"));
}

TEST_F(ArmnnBackend, QuantizedModelsAreAnsweredInTheirOwnSteps) {
  auto model = compile("quantized_sum", reference());
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->info().precision, "INT8");
  auto request = model->create_request();
  ASSERT_TRUE(request.ok());
  std::vector<std::uint8_t> values{128, 130, 126, 0, 255, 1, 129, 200};
  ASSERT_TRUE((*request)
                  ->set_input(0, {DataType::kUint8, {1, 8}, reinterpret_cast<std::byte*>(values.data()), values.size()})
                  .ok());
  ASSERT_TRUE((*request)->run().ok());
  const auto output = (*request)->output(0);
  ASSERT_TRUE(output.ok());
  // x in steps of 0.5 around 128, doubled, in steps of 1 around 128: the same bytes.
  EXPECT_EQ(std::vector<std::uint8_t>(reinterpret_cast<std::uint8_t*>(output->data),
                                      reinterpret_cast<std::uint8_t*>(output->data) + output->bytes),
            values);
}

TEST_F(ArmnnBackend, OptionsThatDoNotBelongHereAreRefusedByName) {
  const std::pair<const char*, const char*> wrong[] = {
      {"FastMathEnabled", "true"},   {"TuningLevel", "2"},          {"TuningFile", "/tmp/x"},
      {"NumberOfThreads", "2"},      {"ANN_TUNING_LEVEL", "2"},     {"ReduceFp32ToFp16", "yep"},
      {"SaveCachedNetwork", "true"}, {"ENABLE_CPU_PINNING", "YES"}, {"NUM_STREAMS", "4000"}};
  for (const auto& [key, value] : wrong) {
    auto options = reference();
    options.properties[key] = value;
    EXPECT_THAT(error_of("row", options, StatusCode::kInvalidArgument), HasSubstr(key));
  }
}

TEST_F(ArmnnBackend, StreamsRunAtTheSameTimeEachOnItsOwnCopy) {
  auto options = reference();
  options.properties["NUM_STREAMS"] = "3";
  auto model = compile("row", options);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->info().streams, 3U);
  EXPECT_EQ(model->info().optimal_requests, 3U);
  EXPECT_EQ(run_floats(*model, {1, 64}, std::vector<float>(64, 2)), std::vector<float>(64, 2));
}

TEST_F(ArmnnBackend, ThreadsThatCannotBeUsedAreSaid) {
  auto options = reference();
  options.properties["INFERENCE_NUM_THREADS"] = "2";
  auto model = compile("row", options);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->info().threads, 1U);
  EXPECT_THAT(model->info().note, HasSubstr("one thread"));
  options.properties["PERFORMANCE_HINT"] = "THROUGHPUT";
  model = compile("row", options);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->info().streams, 2U);
  EXPECT_EQ(model->info().note, "");
}

TEST_F(ArmnnBackend, ShapesCannotChange) {
  auto options = reference();
  options.batch = Dimension::fixed(3);
  EXPECT_THAT(error_of("row", options, StatusCode::kFailedPrecondition),
              AllOf(HasSubstr("Model could not be reshaped with requested shape - "), HasSubstr("input x"),
                    HasSubstr("(1,64)"), HasSubstr("(3,64)")));
  options.batch.reset();
  options.shapes["x"] = PartialShape::from({1, 64});
  EXPECT_NE(compile("row", options), nullptr) << "the file's own shape is no change";
}

TEST_F(ArmnnBackend, OpenDimensionsAreFixedWithANote) {
  auto model = compile("dynamic", reference());
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->signature().inputs[0].shape.to_string(), "(1,1)");
  EXPECT_THAT(model->info().note, HasSubstr("open"));
}

TEST_F(ArmnnBackend, OperatorsAndTypesThatItLacksAreNamed) {
  EXPECT_THAT(error_of("shape", reference(), StatusCode::kFailedPrecondition),
              AllOf(HasSubstr("SHAPE"), HasSubstr("model.tflite")));
  EXPECT_THAT(error_of("identity_int64", reference(), StatusCode::kFailedPrecondition),
              AllOf(HasSubstr("INT64"), HasSubstr("x")));
}

TEST_F(ArmnnBackend, EightBitsWithoutAScaleAreRefusedBeforeArmnnReadsThem) {
  auto file = std::ifstream(models_ / "identity_int8" / "model.tflite", std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(file), {}};
  const TemporaryFolder folder;
  // The vector of the scale (one float, 1.0) becomes an empty one.
  const std::string scale("\x01\0\0\0\0\0\x80\x3f", 8);
  std::string bad = good;
  int changed = 0;
  for (auto at = bad.find(scale); at != std::string::npos; at = bad.find(scale, at + 1), ++changed) bad[at] = 0;
  ASSERT_GE(changed, 1);
  folder.write("model.tflite", bad);
  const auto compiled = runtime_->compile({ModelFormat::kTflite, folder.path() / "model.tflite"}, reference());
  EXPECT_EQ(compiled.status().code(), StatusCode::kFailedPrecondition) << compiled.status().to_string();
  EXPECT_THAT(std::string(compiled.status().message()), HasSubstr("scale"));
}

TEST_F(ArmnnBackend, PreprocessingIsRefusedByName) {
  auto options = reference();
  options.preprocess.mean = {1};
  EXPECT_THAT(error_of("picture", options, StatusCode::kInvalidArgument),
              AllOf(HasSubstr("mean"), HasSubstr("ARM NN")));
  options.preprocess = {};
  options.preprocess.layout[""] = "NHWC";
  auto model = compile("picture", options);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->signature().inputs[0].layout, "NHWC");
}

// The module beside which the part that is linked with ARM NN cannot be loaded, as on a machine without ARM NN.
TEST(ArmnnModule, SaysWhatToInstallWhenArmnnIsMissing) {
  if (const auto why = test::why_not_built("armnn"); !why.empty()) GTEST_SKIP() << why;
  const TemporaryFolder folder;
  std::filesystem::copy_file(default_backend_folder() / "libocelli_backend_armnn.so",
                             folder.path() / "libocelli_backend_armnn.so");
  const auto loaded = load_backend(folder.path(), "armnn", {});
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(
      std::string(loaded.status().message()),
      AllOf(HasSubstr("ARM NN was not found"), HasSubstr("apt-get install"), HasSubstr("libarmnntfliteparser")));
}

}  // namespace
}  // namespace ocelli
