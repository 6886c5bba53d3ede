#include "conformance/conformance_suite.hpp"

#include "support/built_backends.hpp"
#include "tensor/string_tensor.hpp"

namespace ocelli::conformance {
namespace {

constexpr const char* kSimulatedDevices =
    R"({"devices":[{"name":"SIM.0","streams":2,"service_time_us":100},{"name":"SIM.SLOW","service_time_us":3600000000}]})";

constexpr std::string_view kArmnnLacks =
    " dynamic identity_string identity_bool identity_int64 identity_uint16 identity_uint32 identity_uint64 "
    "identity_float16 identity_bfloat16 identity_float64 rank0 rank6 ";
// Its Neon backend lacks one more.
constexpr std::string_view kArmnnNeonLacks =
    " dynamic identity_string identity_bool identity_int64 identity_uint16 identity_uint32 identity_uint64 "
    "identity_int16 "
    "identity_float16 identity_bfloat16 identity_float64 rank0 rank6 ";
constexpr std::string_view kArmnnBecause =
    "ARM NN runs a model at the shape in its file, with 1 to 5 dimensions, and has neither strings nor these types";

constexpr BackendCase kCases[] = {
    {"Simulated", "simulated", ModelFormat::kOnnx, "model.onnx", "SIM.0", kSimulatedDevices, false, true},
    {"OpenvinoIr", "openvino", ModelFormat::kOpenvinoIr, "model.xml", "CPU", "", true, false},
    {"OpenvinoOnnx", "openvino", ModelFormat::kOnnx, "model.onnx", "CPU", "", true, false},
    {"OpenvinoWorkerIr", "openvino_c", ModelFormat::kOpenvinoIr, "model.xml", "LEGACY.CPU", "", true, false, false, "",
     "", true, false},
    {"OpenvinoWorkerOnnx", "openvino_c", ModelFormat::kOnnx, "model.onnx", "LEGACY.CPU", "", true, false, false, "", "",
     true, false},
    {"OnnxRuntime", "onnxruntime", ModelFormat::kOnnx, "model.onnx", "CPU", "", true, true},
    {"OnnxRuntimeCuda", "onnxruntime", ModelFormat::kOnnx, "model.onnx", "CUDA.0", "", true, true},
    {"OnnxRuntimeTensorrt", "onnxruntime", ModelFormat::kOnnx, "model.onnx", "TENSORRT.0", "", true, true},
    {"ArmnnTflite", "armnn", ModelFormat::kTflite, "model.tflite", "ARMNN.CpuRef", "", true, true, false, kArmnnLacks,
     kArmnnBecause, false},
    {"ArmnnSerialized", "armnn", ModelFormat::kArmnn, "model.armnn", "ARMNN.CpuRef", "", true, true, false, kArmnnLacks,
     kArmnnBecause, false},
    {"ArmnnNeon", "armnn", ModelFormat::kTflite, "model.tflite", "ARMNN.CpuAcc", "", true, true, false, kArmnnNeonLacks,
     kArmnnBecause, false},
};

}  // namespace

void BackendConformance::SetUp() {
  if (const auto why = test::why_not_built(GetParam().backend); !why.empty()) GTEST_SKIP() << why;
  ASSERT_FALSE(test::generated_models().empty()) << test::kNoModels;
  load(GetParam().settings);
  // A device that this machine may lack; those of the other cases are always there.
  const std::string device = GetParam().device;
  if (!device.starts_with("CUDA") && !device.starts_with("TENSORRT") && !device.starts_with("ARMNN")) return;
  for (const auto& known : runtime_->devices()) {
    if (known.name != device) continue;
    if (!known.usable) GTEST_SKIP() << device << ": " << known.reason;
    return;
  }
  GTEST_SKIP() << device << ": no such device is visible";
}

bool BackendConformance::lacks(const std::string& model) const {
  return GetParam().lacks.find(" " + model + " ") != std::string_view::npos;
}

bool BackendConformance::is_refused(const std::string& model) {
  if (!lacks(model)) return false;
  if (!std::filesystem::exists(source(model).path)) return true;
  const auto compiled = try_compile(model);
  EXPECT_EQ(compiled.status().code(), StatusCode::kFailedPrecondition) << model << compiled.status().to_string();
  EXPECT_THAT(std::string(compiled.status().message()), ::testing::HasSubstr(source(model).path.string()));
  return true;
}

void BackendConformance::load(const std::string& settings) {
  BackendContext context;
  context.settings = settings;
  auto loaded = load_backend(default_backend_folder(), GetParam().backend, context);
  ASSERT_TRUE(loaded.ok()) << loaded.status().to_string();
  runtime_ = *loaded;
}

ModelSource BackendConformance::source(const std::string& model) const {
  return {GetParam().format, test::generated_models() / model / GetParam().file};
}

CompileOptions BackendConformance::options() const {
  CompileOptions result;
  result.device = GetParam().device;
  result.properties["INFERENCE_PRECISION_HINT"] = "f32";
  // The suite is about tensors of every type, some of which a card's providers leave to the CPU.
  if (result.device.starts_with("CUDA") || result.device.starts_with("TENSORRT"))
    result.properties["CPU_FALLBACK"] = "YES";
  return result;
}

Result<std::unique_ptr<CompiledModel>> BackendConformance::try_compile(const std::string& model) {
  return runtime_->compile(source(model), options());
}

std::unique_ptr<CompiledModel> BackendConformance::compile(const std::string& model) {
  auto compiled = try_compile(model);
  if (!compiled.ok()) {
    ADD_FAILURE() << model << ": " << compiled.status().to_string();
    return nullptr;
  }
  return std::move(*compiled);
}

std::unique_ptr<InferRequest> BackendConformance::request_of(CompiledModel& model) {
  auto request = model.create_request();
  if (!request.ok()) {
    ADD_FAILURE() << request.status().to_string();
    return nullptr;
  }
  return std::move(*request);
}

HostTensor HostTensor::strings(const Shape& extents, const std::vector<std::string>& values) {
  const std::vector<std::string_view> views(values.begin(), values.end());
  std::vector<std::byte> packed(packed_size(views));
  pack_strings(views, packed.data());
  return {DataType::kString, extents, std::move(packed)};
}

std::vector<float> floats_of(const TensorView& view) {
  std::vector<float> values(view.bytes / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), view.data, view.bytes);
  return values;
}

std::vector<std::byte> bytes_of(const TensorView& view) { return {view.data, view.data + view.bytes}; }

INSTANTIATE_TEST_SUITE_P(Each, BackendConformance, ::testing::ValuesIn(kCases),
                         [](const auto& tested) { return std::string(tested.param.label); });

}  // namespace ocelli::conformance
