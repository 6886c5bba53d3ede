// What plugin_config becomes in ARM NN's own options, for releases that take options of one model and for those that do
// not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "backends/armnn/armnn_options.hpp"
#include "backends/armnn/optimizer_options.hpp"
#include "support/backend_fixture.hpp"

namespace ocelli::arm_nn {
namespace {

using ::testing::HasSubstr;
using Texts = std::map<std::string, std::string>;

Result<ArmnnOptions> read(const char* backend, const Texts& properties, bool takes_model_options = true) {
  CompileOptions options;
  options.properties = properties;
  return read_options(backend, options, 4, takes_model_options);
}

std::string refusal(const char* backend, const Texts& properties, bool takes_model_options = true) {
  const auto options = read(backend, properties, takes_model_options);
  EXPECT_EQ(options.status().code(), StatusCode::kInvalidArgument);
  return std::string(options.status().message());
}

// As ARM NN is told: by name.
Texts told(const ::armnn::BackendOptions& options) {
  Texts result;
  for (std::size_t i = 0; i < options.GetOptionCount(); ++i) {
    const auto& option = options.GetOption(i);
    const auto& value = option.GetValue();
    result[option.GetName()] = value.IsBool()  ? (value.AsBool() ? "true" : "false")
                               : value.IsInt() ? std::to_string(value.AsInt())
                                               : value.AsString();
  }
  return result;
}

TEST(ArmnnOptions, EverythingThatGpuAccCanBeToldArrives) {
  const testing::TemporaryFolder folder;
  const std::string tuning = folder.path() / "gpu-tuning.ann";
  const std::string cache = folder.path() / "model.anncache";
  const auto options = read("GpuAcc", {{"FastMathEnabled", "true"},
                                       {"ReduceFp32ToFp16", "YES"},
                                       {"TuningLevel", "3"},
                                       {"TuningFile", tuning},
                                       {"SaveCachedNetwork", "1"},
                                       {"CachedNetworkFilePath", cache}});
  ASSERT_TRUE(options.ok()) << options.status().to_string();
  EXPECT_TRUE(options->needs_own_runtime());
  EXPECT_EQ(told(tuning_options(*options)), (Texts{{"TuningLevel", "3"}, {"TuningFile", tuning}}));
  EXPECT_EQ(told(model_options(*options)),
            (Texts{{"FastMathEnabled", "true"}, {"SaveCachedNetwork", "true"}, {"CachedNetworkFilePath", cache}}));
  EXPECT_EQ(tuning_options(*options).GetBackendId().Get(), "GpuAcc");
  EXPECT_EQ(model_options(*options).GetBackendId().Get(), "GpuAcc");
  EXPECT_TRUE(optimizer_options(*options).m_ReduceFp32ToFp16);
}

TEST(ArmnnOptions, NothingIsToldThatWasNotAsked) {
  const auto options = read("GpuAcc", {});
  ASSERT_TRUE(options.ok());
  EXPECT_FALSE(options->needs_own_runtime());
  EXPECT_EQ(told(model_options(*options)), Texts());
  EXPECT_EQ(told(tuning_options(*options)), Texts());
  EXPECT_FALSE(optimizer_options(*options).m_ReduceFp32ToFp16);
}

TEST(ArmnnOptions, ThreadsGoToCpuAcc) {
  const auto own = read("CpuAcc", {{"NumberOfThreads", "3"}, {"FastMathEnabled", "yes"}});
  ASSERT_TRUE(own.ok()) << own.status().to_string();
  EXPECT_EQ(told(model_options(*own)), (Texts{{"NumberOfThreads", "3"}, {"FastMathEnabled", "true"}}));
  EXPECT_EQ(told(model_options(*read("CpuAcc", {{"INFERENCE_NUM_THREADS", "2"}}))), (Texts{{"NumberOfThreads", "2"}}));
}

TEST(ArmnnOptions, AnOlderReleaseRefusesByNameWhatItDoesNotKnow) {
  for (const char* key : {"FastMathEnabled", "SaveCachedNetwork", "CachedNetworkFilePath"})
    EXPECT_THAT(refusal("GpuAcc", {{key, "true"}}, false), AllOf(HasSubstr(key), HasSubstr("needs ARM NN 21.05")));
  EXPECT_THAT(refusal("CpuAcc", {{"NumberOfThreads", "2"}}, false), HasSubstr("NumberOfThreads needs ARM NN 21.05"));
  EXPECT_TRUE(read("GpuAcc", {{"TuningLevel", "1"}, {"ReduceFp32ToFp16", "true"}}, false).ok());
}

TEST(ArmnnOptions, KeysOfAnotherBackendAndWrongValuesAreRefusedByName) {
  EXPECT_THAT(refusal("CpuAcc", {{"TuningLevel", "1"}}), HasSubstr("TuningLevel is for GpuAcc, not for CpuAcc"));
  EXPECT_THAT(refusal("GpuAcc", {{"NumberOfThreads", "1"}}), HasSubstr("is for CpuAcc, not for GpuAcc"));
  EXPECT_THAT(refusal("CpuRef", {{"FastMathEnabled", "true"}}), HasSubstr("is for CpuAcc and GpuAcc, not for CpuRef"));
  EXPECT_THAT(refusal("GpuAcc", {{"TuningLevel", "4"}}), HasSubstr("TuningLevel: a number from 0 to 3 expected"));
  EXPECT_THAT(refusal("GpuAcc", {{"FastMathEnabled", "2"}}), HasSubstr("FastMathEnabled: true or false expected"));
  EXPECT_THAT(refusal("GpuAcc", {{"tuninglevel", "1"}}), HasSubstr("tuninglevel is not known"));
}

TEST(ArmnnOptions, FilesThatAreToBeReadHaveToBeThere) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.path() / "file";
  EXPECT_THAT(refusal("GpuAcc", {{"SaveCachedNetwork", "true"}}), HasSubstr("needs CachedNetworkFilePath"));
  EXPECT_THAT(refusal("GpuAcc", {{"CachedNetworkFilePath", file}}),
              AllOf(HasSubstr(file + " is not there"), HasSubstr("SaveCachedNetwork=true writes it")));
  EXPECT_THAT(refusal("GpuAcc", {{"TuningLevel", "0"}}), HasSubstr("TuningLevel=0 needs TuningFile"));
  EXPECT_THAT(refusal("GpuAcc", {{"TuningLevel", "0"}, {"TuningFile", file}}), HasSubstr(file + " is not there"));
  folder.write("file", "x");
  EXPECT_TRUE(read("GpuAcc", {{"CachedNetworkFilePath", file}}).ok());
  EXPECT_TRUE(read("GpuAcc", {{"TuningLevel", "0"}, {"TuningFile", file}}).ok());
}

}  // namespace
}  // namespace ocelli::arm_nn
