// Inputs are read where they lie and outputs are written where they are wanted.
#include "conformance/conformance_suite.hpp"

namespace ocelli::conformance {
namespace {

std::vector<float> row(float start) {
  std::vector<float> values(64);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = start + static_cast<float>(i);
  return values;
}

constexpr float kPoison = -12345;

}  // namespace

TEST_P(BackendConformance, InputIsReadInPlaceWhenTheRunBegins) {
  auto model = compile("row");
  ASSERT_NE(model, nullptr);
  auto request = request_of(*model);
  auto input = HostTensor::floats({1, 64}, row(1));
  ASSERT_TRUE(request->set_input(0, input.view()).ok());
  ASSERT_TRUE(request->run().ok());
  EXPECT_EQ(floats_of(*request->output(0)), row(1));
  // New bytes in the same place, without binding again: a backend that had copied them would answer the old ones.
  const auto changed = row(1000);
  std::memcpy(input.bytes.data(), changed.data(), input.bytes.size());
  ASSERT_TRUE(request->run().ok());
  EXPECT_EQ(floats_of(*request->output(0)), changed);
}

TEST_P(BackendConformance, BoundOutputIsWrittenInPlaceAndStaysBound) {
  auto model = compile("row");
  ASSERT_NE(model, nullptr);
  auto request = request_of(*model);
  auto input = HostTensor::floats({1, 64}, row(1));
  auto target = HostTensor::floats({1, 64}, std::vector<float>(64, kPoison));
  ASSERT_TRUE(request->set_input(0, input.view()).ok());
  ASSERT_TRUE(request->set_output(0, target.view()).ok());
  ASSERT_TRUE(request->run().ok());
  EXPECT_EQ(floats_of(target.view()), row(1));
  EXPECT_EQ(request->output(0)->data, target.bytes.data());
  const auto changed = row(5);
  std::memcpy(input.bytes.data(), changed.data(), input.bytes.size());
  ASSERT_TRUE(request->run().ok());
  EXPECT_EQ(floats_of(target.view()), changed);
}

TEST_P(BackendConformance, ClearedOutputGoesBackToTheRuntimesMemory) {
  auto model = compile("row");
  ASSERT_NE(model, nullptr);
  auto request = request_of(*model);
  auto input = HostTensor::floats({1, 64}, row(1));
  auto target = HostTensor::floats({1, 64}, std::vector<float>(64, kPoison));
  ASSERT_TRUE(request->set_input(0, input.view()).ok());
  ASSERT_TRUE(request->set_output(0, target.view()).ok());
  ASSERT_TRUE(request->run().ok());
  request->clear_output(0);
  std::fill(target.bytes.begin(), target.bytes.end(), std::byte{0x5a});
  ASSERT_TRUE(request->run().ok());
  EXPECT_NE(request->output(0)->data, target.bytes.data());
  EXPECT_EQ(floats_of(*request->output(0)), row(1));
  EXPECT_EQ(target.bytes, std::vector<std::byte>(target.bytes.size(), std::byte{0x5a}));
}

TEST_P(BackendConformance, BindingsMayAlternateBetweenManyBuffers) {
  auto model = compile("row");
  ASSERT_NE(model, nullptr);
  auto request = request_of(*model);
  std::vector<HostTensor> inputs;
  std::vector<HostTensor> targets;
  for (int i = 0; i < 7; ++i) {
    inputs.push_back(HostTensor::floats({1, 64}, row(static_cast<float>(i) * 100)));
    targets.push_back(HostTensor::floats({1, 64}, std::vector<float>(64, kPoison)));
  }
  for (int turn = 0; turn < 30; ++turn) {
    const auto in = static_cast<std::size_t>(turn % 7);
    const auto out = static_cast<std::size_t>((turn * 3) % 7);
    ASSERT_TRUE(request->set_input(0, inputs[in].view()).ok());
    ASSERT_TRUE(request->set_output(0, targets[out].view()).ok());
    ASSERT_TRUE(request->run().ok());
    ASSERT_EQ(floats_of(targets[out].view()), row(static_cast<float>(in) * 100)) << turn;
  }
}

TEST_P(BackendConformance, OutputOfADynamicModelMayBeBoundWhenItsShapeIsKnown) {
  if (lacks("dynamic")) GTEST_SKIP() << GetParam().lacks_because;
  auto model = compile("dynamic");
  ASSERT_NE(model, nullptr);
  auto request = request_of(*model);
  for (const std::int64_t rows : {2, 5, 2}) {
    const std::vector<float> values(static_cast<std::size_t>(rows) * 4, static_cast<float>(rows));
    auto input = HostTensor::floats({rows, 4}, values);
    auto target = HostTensor::floats({rows, 4}, std::vector<float>(values.size(), kPoison));
    ASSERT_TRUE(request->set_input(0, input.view()).ok());
    const auto bound = request->set_output(0, target.view());
    ASSERT_TRUE(bound.ok()) << bound.to_string();
    const auto status = request->run();
    ASSERT_TRUE(status.ok()) << status.to_string();
    EXPECT_EQ(floats_of(target.view()), values);
    request->clear_output(0);
    ASSERT_TRUE(request->run().ok());
    EXPECT_EQ(floats_of(*request->output(0)), values);
  }
}

TEST_P(BackendConformance, UnalignedInputIsReadCorrectly) {
  auto model = compile("row");
  ASSERT_NE(model, nullptr);
  auto request = request_of(*model);
  const auto values = row(3);
  std::vector<std::byte> bytes(values.size() * sizeof(float) + 1);
  std::memcpy(bytes.data() + 1, values.data(), bytes.size() - 1);
  ASSERT_TRUE(request->set_input(0, {DataType::kFp32, {1, 64}, bytes.data() + 1, bytes.size() - 1}).ok());
  ASSERT_TRUE(request->run().ok());
  EXPECT_EQ(floats_of(*request->output(0)), values);
}

}  // namespace ocelli::conformance
