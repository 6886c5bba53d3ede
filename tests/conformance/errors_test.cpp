// Mistakes and broken files become clear errors, and what is served goes on.
#include <fstream>
#include <iterator>

#include "conformance/conformance_suite.hpp"
#include "support/backend_fixture.hpp"

namespace ocelli::conformance {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_P(BackendConformance, WrongInputsAreNamed) {
  auto model = compile("row");
  ASSERT_NE(model, nullptr);
  auto request = request_of(*model);
  auto wrong_shape = HostTensor::floats({1, 63}, std::vector<float>(63));
  auto wrong_rank = HostTensor::floats({64}, std::vector<float>(64));
  auto wrong_type = HostTensor::of<std::int32_t>(DataType::kInt32, {1, 64}, std::vector<std::int32_t>(64));
  auto short_bytes = HostTensor::floats({1, 64}, std::vector<float>(63));
  for (auto* wrong : {&wrong_shape, &wrong_rank, &wrong_type, &short_bytes}) {
    const auto status = request->set_input(0, wrong->view());
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("x"));
    EXPECT_EQ(request->set_output(0, wrong->view()).code(), StatusCode::kInvalidArgument);
  }
  auto good = HostTensor::floats({1, 64}, std::vector<float>(64, 2));
  EXPECT_EQ(request->set_input(7, good.view()).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(request->set_output(7, good.view()).code(), StatusCode::kInvalidArgument);
  EXPECT_FALSE(request->output(7).ok());
  // The request is none the worse for it.
  ASSERT_TRUE(request->set_input(0, good.view()).ok());
  ASSERT_TRUE(request->run().ok());
  EXPECT_EQ(floats_of(*request->output(0)), std::vector<float>(64, 2));
}

TEST_P(BackendConformance, ShapesThatDoNotGoTogetherFailTheRunOnly) {
  if (!GetParam().reads_files) GTEST_SKIP() << "simulated models add nothing";
  if (lacks("dynamic")) GTEST_SKIP() << GetParam().lacks_because;
  auto model = compile("sum");
  ASSERT_NE(model, nullptr);
  auto request = request_of(*model);
  auto two = HostTensor::floats({2, 4}, std::vector<float>(8, 1));
  auto three = HostTensor::floats({3, 4}, std::vector<float>(12, 1));
  ASSERT_TRUE(request->set_input(0, two.view()).ok());
  ASSERT_TRUE(request->set_input(1, three.view()).ok());
  const auto status = request->run();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << status.to_string();
  ASSERT_TRUE(request->set_input(1, two.view()).ok());
  ASSERT_TRUE(request->run().ok());
  EXPECT_EQ(floats_of(*request->output(0)), std::vector<float>(8, 2));
}

// A run that fails, or is stopped, in its middle leaves nothing that would come out of a later one.
TEST_P(BackendConformance, LaterRunsKnowNothingOfOneThatDidNotEnd) {
  if (!GetParam().reads_files) GTEST_SKIP() << "simulated models compute nothing";
  if (lacks("dynamic")) GTEST_SKIP() << GetParam().lacks_because;
  if (!GetParam().open_dimensions) GTEST_SKIP() << "sticks take models of fixed shapes only";
  auto model = compile("two_ways");
  ASSERT_NE(model, nullptr);
  auto request = request_of(*model);
  const auto rows = [](std::int64_t count, float value) {
    return HostTensor::floats({count, 4}, std::vector<float>(static_cast<std::size_t>(count) * 4, value));
  };
  const auto set = [&](HostTensor& a, HostTensor& b) {
    ASSERT_TRUE(request->set_input(0, a.view()).ok());
    ASSERT_TRUE(request->set_input(1, b.view()).ok());
  };
  auto a = rows(2, 1);
  auto b = rows(2, 10);
  const auto expect_right = [&] {
    set(a, b);
    const auto status = request->run();
    ASSERT_TRUE(status.ok()) << status.to_string();
    const auto own = request->output(0);
    const auto sum = request->output(1);
    EXPECT_EQ(own->shape, (Shape{2, 4}));
    EXPECT_EQ(floats_of(*own), std::vector<float>(8, 1));
    EXPECT_EQ(floats_of(*sum), std::vector<float>(8, 11));
  };
  expect_right();
  auto three = rows(3, 7);
  auto five = rows(5, 7);
  set(three, five);
  EXPECT_EQ(request->run().code(), StatusCode::kInvalidArgument);
  expect_right();
  testing::RunWaiter refused;
  set(three, five);
  request->start(refused);
  ASSERT_TRUE(refused.wait());
  EXPECT_EQ(refused.status().code(), StatusCode::kInvalidArgument);
  expect_right();

  auto many = rows(2000, 7);
  for (int i = 0; i < 5; ++i) {
    testing::RunWaiter stopped;
    set(many, many);
    request->start(stopped);
    request->cancel();
    ASSERT_TRUE(stopped.wait());
    expect_right();
  }
}

TEST_P(BackendConformance, MissingFileIsNotFound) {
  EXPECT_EQ(runtime_->compile({GetParam().format, "/nonexistent/model.onnx"}, options()).status().code(),
            StatusCode::kNotFound);
}

TEST_P(BackendConformance, UnknownDeviceNamesThoseThatExist) {
  auto wrong = options();
  wrong.device = "ABACUS";
  const auto status = runtime_->compile(source("row"), wrong).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), ::testing::AllOf(HasSubstr("ABACUS"), HasSubstr(GetParam().device)));
}

TEST_P(BackendConformance, UnknownPropertyIsNamed) {
  auto wrong = options();
  wrong.properties["WARP_FACTOR"] = "9";
  const auto status = runtime_->compile(source("row"), wrong).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("WARP_FACTOR"));
  auto both = options();
  both.properties["NUM_STREAMS"] = "1";
  both.properties["PERFORMANCE_HINT"] = "LATENCY";
  EXPECT_EQ(runtime_->compile(source("row"), both).status().code(), StatusCode::kInvalidArgument);
}

TEST_P(BackendConformance, UnsupportedFormatIsRefused) {
  const auto other = runtime_->supports(ModelFormat::kArmnn) ? ModelFormat::kPaddle : ModelFormat::kArmnn;
  if (runtime_->supports(other)) GTEST_SKIP() << "this backend takes every format";
  EXPECT_EQ(runtime_->compile({other, source("row").path}, options()).status().code(), StatusCode::kInvalidArgument);
}

TEST_P(BackendConformance, BrokenFilesAreErrorsAndNothingElse) {
  if (!GetParam().reads_files) GTEST_SKIP() << "the simulated backend does not read model files";
  const fs::path good = source("heavy").path;
  const std::string main_file = content_of(good);
  const bool has_weights =
      fs::exists(fs::path(good).replace_extension(".bin")) && GetParam().format == ModelFormat::kOpenvinoIr;
  const std::string weights = has_weights ? content_of(fs::path(good).replace_extension(".bin")) : "";
  const testing::TemporaryFolder folder;
  const auto expect_error = [&](const std::string& what) {
    const auto compiled = runtime_->compile({GetParam().format, folder.path() / GetParam().file}, options());
    ASSERT_FALSE(compiled.ok()) << what;
    EXPECT_EQ(compiled.status().code(), StatusCode::kInternal) << what << ": " << compiled.status().to_string();
    EXPECT_THAT(std::string(compiled.status().message()), HasSubstr(folder.path().string())) << what;
  };
  if (has_weights) folder.write("model.bin", weights);
  for (const double part : {0.0, 0.01, 0.5, 0.99}) {
    folder.write(GetParam().file,
                 main_file.substr(0, static_cast<std::size_t>(static_cast<double>(main_file.size()) * part)));
    expect_error("cut to " + std::to_string(part));
  }
  folder.write(GetParam().file, std::string(5000, '\x7f'));
  expect_error("garbage");
  if (has_weights) {
    folder.write(GetParam().file, main_file);
    folder.write("model.bin", weights.substr(0, weights.size() / 2));
    expect_error("weights cut in half");
  }
  EXPECT_NE(compile("row"), nullptr) << "the runtime must go on after broken files";
}

TEST_P(BackendConformance, OutputBeforeAnyRunIsNoCrash) {
  auto model = compile("dynamic");
  ASSERT_NE(model, nullptr);
  auto request = request_of(*model);
  auto output = request->output(0);
  if (output.ok()) {
    EXPECT_EQ(output->bytes, 0U);
  }
}

}  // namespace ocelli::conformance
