// Types, ranks, dynamic shapes and strings go through every backend unharmed.
#include <limits>

#include "conformance/conformance_suite.hpp"

namespace ocelli::conformance {
namespace {

// Runs the model on one input and gives what comes out, which is copied.
HostTensor run_once(CompiledModel& model, HostTensor input) {
  auto request = model.create_request();
  EXPECT_TRUE(request.ok()) << request.status().to_string();
  HostTensor result(DataType::kUndefined, {}, {});
  if (!request.ok()) return result;
  if (auto status = (*request)->set_input(0, input.view()); !status.ok()) {
    ADD_FAILURE() << status.to_string();
    return result;
  }
  if (auto status = (*request)->run(); !status.ok()) {
    ADD_FAILURE() << status.to_string();
    return result;
  }
  auto output = (*request)->output(0);
  EXPECT_TRUE(output.ok()) << output.status().to_string();
  return output.ok() ? HostTensor(output->type, output->shape, bytes_of(*output)) : result;
}

template <typename T>
std::vector<T> extremes() {
  return {std::numeric_limits<T>::lowest(), std::numeric_limits<T>::max(), T{0}, T{1}, T{2}, T{3}};
}

// The same for a backend that carries these types in 32 bits.
HostTensor narrow_values_of(DataType type) {
  const Shape shape{2, 3};
  constexpr std::int64_t kLeast = std::numeric_limits<std::int32_t>::lowest();
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  if (type == DataType::kInt64) return HostTensor::of<std::int64_t>(type, shape, {kLeast, kMost, -1, 0, 1, 2});
  if (type == DataType::kUint64) return HostTensor::of<std::uint64_t>(type, shape, {kMost, 5, 4, 0, 1, 2});
  return HostTensor::of<double>(type, shape, {0.5, -1e10, 0.125, 1, 2, 3});
}

// Six elements of each type with its extreme values, as bits.
HostTensor values_of(DataType type) {
  const Shape shape{2, 3};
  switch (type) {
    case DataType::kBool:
      return HostTensor::of<std::uint8_t>(type, shape, {1, 0, 1, 1, 0, 0});
    case DataType::kInt8:
      return HostTensor::of(type, shape, extremes<std::int8_t>());
    case DataType::kInt16:
      return HostTensor::of(type, shape, extremes<std::int16_t>());
    case DataType::kInt32:
      return HostTensor::of(type, shape, extremes<std::int32_t>());
    case DataType::kInt64:
      return HostTensor::of(type, shape, extremes<std::int64_t>());
    case DataType::kUint8:
      return HostTensor::of(type, shape, extremes<std::uint8_t>());
    case DataType::kUint16:
      return HostTensor::of(type, shape, extremes<std::uint16_t>());
    case DataType::kUint32:
      return HostTensor::of(type, shape, extremes<std::uint32_t>());
    case DataType::kUint64:
      return HostTensor::of(type, shape, extremes<std::uint64_t>());
    // 1, -2, 65504 (the largest), the smallest normal, 0, -0.
    case DataType::kFp16:
      return HostTensor::of<std::uint16_t>(type, shape, {0x3c00, 0xc000, 0x7bff, 0x0400, 0x0000, 0x8000});
    case DataType::kBf16:
      return HostTensor::of<std::uint16_t>(type, shape, {0x3f80, 0xc000, 0x7f7f, 0x0080, 0x0000, 0x8000});
    case DataType::kFp32:
      return HostTensor::of(type, shape, extremes<float>());
    case DataType::kFp64:
      return HostTensor::of<double>(type, shape, {0.1, -1e300, 1e-300, 1, 2, 3});
    default:
      return HostTensor(type, shape, {});
  }
}

struct TypeName {
  DataType type;
  const char* model;
};
constexpr TypeName kTypes[] = {
    {DataType::kBool, "bool"},     {DataType::kInt8, "int8"},     {DataType::kInt16, "int16"},
    {DataType::kInt32, "int32"},   {DataType::kInt64, "int64"},   {DataType::kUint8, "uint8"},
    {DataType::kUint16, "uint16"}, {DataType::kUint32, "uint32"}, {DataType::kUint64, "uint64"},
    {DataType::kFp16, "float16"},  {DataType::kBf16, "bfloat16"}, {DataType::kFp32, "float32"},
    {DataType::kFp64, "float64"},
};

}  // namespace

TEST_P(BackendConformance, EveryTypeComesBackBitByBit) {
  for (const auto& [type, name] : kTypes) {
    SCOPED_TRACE(name);
    if (is_refused(std::string("identity_") + name)) continue;
    auto model = compile(std::string("identity_") + name);
    if (!model) continue;
    ASSERT_EQ(model->signature().inputs.size(), 1U);
    EXPECT_EQ(model->signature().inputs[0].name, "x");
    EXPECT_EQ(model->signature().inputs[0].type, type);
    EXPECT_EQ(model->signature().outputs[0].name, "y");
    const bool is_wide = type == DataType::kInt64 || type == DataType::kUint64 || type == DataType::kFp64;
    const bool is_narrowed = is_wide && !GetParam().keeps_64_bits;
    const HostTensor input = is_narrowed ? narrow_values_of(type) : values_of(type);
    EXPECT_EQ(model->info().note.find("32") != std::string::npos, is_narrowed) << model->info().note;
    const HostTensor output = run_once(*model, input);
    EXPECT_EQ(output.type, type);
    EXPECT_EQ(output.shape, (Shape{2, 3}));
    EXPECT_EQ(output.bytes, input.bytes);
  }
}

TEST_P(BackendConformance, RanksFromScalarToSixGoThrough) {
  const std::vector<std::int64_t> extents{2, 3, 1, 2, 3, 2};
  for (std::size_t rank = 0; rank <= extents.size(); ++rank) {
    SCOPED_TRACE(rank);
    if (is_refused("rank" + std::to_string(rank))) continue;
    auto model = compile("rank" + std::to_string(rank));
    ASSERT_NE(model, nullptr);
    const Shape shape(std::span<const std::int64_t>(extents.data(), rank));
    EXPECT_EQ(model->signature().inputs[0].shape.static_shape(), shape);
    std::vector<float> values(*shape.element_count());
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) + 0.5F;
    HostTensor output = run_once(*model, HostTensor::floats(shape, values));
    EXPECT_EQ(output.shape, shape);
    EXPECT_EQ(floats_of(output.view()), values);
  }
}

TEST_P(BackendConformance, DynamicShapesChangeFromRunToRun) {
  if (lacks("dynamic")) GTEST_SKIP() << GetParam().lacks_because;
  auto model = compile("dynamic");
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->signature().inputs[0].shape.to_string(), "(-1,-1)");
  auto request = request_of(*model);
  for (const Shape& shape : {Shape{1, 1}, Shape{5, 7}, Shape{2, 3}, Shape{5, 7}, Shape{64, 1}}) {
    std::vector<float> values(*shape.element_count());
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i + 1);
    auto input = HostTensor::floats(shape, values);
    ASSERT_TRUE(request->set_input(0, input.view()).ok());
    ASSERT_TRUE(request->run().ok());
    auto output = request->output(0);
    ASSERT_TRUE(output.ok());
    EXPECT_EQ(output->shape, shape);
    EXPECT_EQ(floats_of(*output), values);
  }
}

TEST_P(BackendConformance, EmptyBatchIsAnsweredOrRefused) {
  if (lacks("dynamic")) GTEST_SKIP() << GetParam().lacks_because;
  auto model = compile("dynamic");
  ASSERT_NE(model, nullptr);
  auto request = request_of(*model);
  auto input = HostTensor::floats({0, 4}, {});
  auto status = request->set_input(0, input.view());
  if (status.ok()) status = request->run();
  if (status.ok()) {
    auto output = request->output(0);
    ASSERT_TRUE(output.ok());
    EXPECT_EQ(output->shape, (Shape{0, 4}));
    EXPECT_EQ(output->bytes, 0U);
  } else {
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << status.to_string();
  }
}

TEST_P(BackendConformance, StringsOfAnyBytesGoThrough) {
  if (lacks("identity_string")) GTEST_SKIP() << GetParam().lacks_because;
  if (!GetParam().has_strings) GTEST_SKIP() << "OpenVINO's C interface gives no way to read strings";
  auto model = compile("identity_string");
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->signature().inputs[0].type, DataType::kString);
  const std::vector<std::string> texts{"", "one", std::string("with\0zero", 9), "\xff\xfe not UTF-8",
                                       std::string(100000, 'x')};
  const auto input = HostTensor::strings({5}, texts);
  const HostTensor output = run_once(*model, input);
  EXPECT_EQ(output.type, DataType::kString);
  EXPECT_EQ(output.shape, (Shape{5}));
  EXPECT_EQ(output.bytes, input.bytes);
}

TEST_P(BackendConformance, StringsWhoseLengthsLieAreRefused) {
  if (lacks("identity_string")) GTEST_SKIP() << GetParam().lacks_because;
  if (!GetParam().has_strings) GTEST_SKIP() << "OpenVINO's C interface gives no way to read strings";
  auto model = compile("identity_string");
  ASSERT_NE(model, nullptr);
  auto request = request_of(*model);
  auto lying = HostTensor::strings({1}, {"abc"});
  lying.bytes[0] = std::byte{200};
  auto status = request->set_input(0, lying.view());
  if (status.ok()) {
    EXPECT_FALSE(GetParam().reads_files) << "only the simulated backend copies strings unread";
  } else {
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  }
  auto good = HostTensor::strings({2}, {"abc", ""});
  EXPECT_TRUE(request->set_input(0, good.view()).ok());
  EXPECT_TRUE(request->run().ok());
}

}  // namespace ocelli::conformance
