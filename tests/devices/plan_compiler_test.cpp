#include "devices/plan_compiler.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

namespace ocelli::devices {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FakeModel final : public CompiledModel {
 public:
  explicit FakeModel(std::string device) { info_.device = std::move(device); }
  const ModelSignature& signature() const noexcept override { return signature_; }
  const ExecutionInfo& info() const noexcept override { return info_; }
  Result<std::unique_ptr<InferRequest>> create_request() override { return unimplemented("not in this test"); }

 private:
  ModelSignature signature_;
  ExecutionInfo info_;
};

DeviceInfo device_called(const std::string& name) {
  DeviceInfo info;
  info.name = name;
  return info;
}

// Compiles what `refuse` does not refuse, and notes what it was asked for.
class FakeRuntime final : public Runtime {
 public:
  using Refuse = std::function<Status(const CompileOptions&)>;
  FakeRuntime(std::string name, Refuse refuse, bool onnx_only = false)
      : name_(std::move(name)), refuse_(std::move(refuse)), onnx_only_(onnx_only) {}
  std::string_view name() const noexcept override { return name_; }
  std::string version() const override { return "1"; }
  std::vector<DeviceInfo> devices() override { return listed; }
  bool supports(ModelFormat format) const noexcept override { return !onnx_only_ || format == ModelFormat::kOnnx; }
  bool knows_property(const std::string& device, const std::string& key) override { return knows(device, key); }
  Result<std::unique_ptr<CompiledModel>> compile(const ModelSource&, const CompileOptions& options) override {
    asked.push_back(options);
    if (Status status = refuse_(options); !status.ok()) return status;
    return std::unique_ptr<CompiledModel>(std::make_unique<FakeModel>(options.device));
  }
  std::vector<CompileOptions> asked;
  std::vector<DeviceInfo> listed{device_called("CPU")};
  std::function<bool(const std::string& device, const std::string& key)> knows = [](const auto&, const auto&) {
    return true;
  };

 private:
  std::string name_;
  Refuse refuse_;
  bool onnx_only_;
};

const FakeRuntime::Refuse kTakesAll = [](const CompileOptions&) { return Status(); };

class PlanCompilerTest : public ::testing::Test {
 protected:
  std::shared_ptr<FakeRuntime> add(const std::string& name, const FakeRuntime::Refuse& refuse, bool onnx_only = false) {
    auto runtime = std::make_shared<FakeRuntime>(name, refuse, onnx_only);
    registry_.add(runtime);
    return runtime;
  }
  // The member of the target's plan that has this place.
  Result<CompiledMember> compile(const std::string& target, const std::map<std::string, std::string>& properties = {},
                                 std::size_t member = 0) {
    const auto plan = make_plan(target, properties);
    if (!plan.ok()) return plan.status();
    return compile_member(*plan, plan->members.at(member), registry_, source_, options_, Log());
  }

  RuntimeRegistry registry_{"/nonexistent", Log()};
  ModelSource source_{ModelFormat::kOnnx, "m.onnx"};
  CompileOptions options_;
};

TEST_F(PlanCompilerTest, FirstWayThatWorksAndNoNote) {
  const auto openvino = add("openvino", kTakesAll);
  const auto onnxruntime = add("onnxruntime", kTakesAll);
  const auto made = compile("CPU", {{"NUM_STREAMS", "2"}});
  ASSERT_TRUE(made.ok()) << made.status().to_string();
  EXPECT_EQ(made->runtime->name(), "openvino");
  EXPECT_EQ(made->info.note, "");
  EXPECT_EQ(openvino->asked.at(0).properties.at("NUM_STREAMS"), "2");
  EXPECT_TRUE(onnxruntime->asked.empty());
}

TEST_F(PlanCompilerTest, StandInSaysWhy) {
  add("openvino", [](const CompileOptions&) { return internal_error("operator Foo is unknown"); });
  add("onnxruntime", kTakesAll);
  const auto made = compile("CPU");
  ASSERT_TRUE(made.ok()) << made.status().to_string();
  EXPECT_EQ(made->runtime->name(), "onnxruntime");
  EXPECT_THAT(made->info.note, HasSubstr("operator Foo is unknown"));
}

TEST_F(PlanCompilerTest, MissingRuntimeIsPassedOver) {
  add("onnxruntime", kTakesAll, true);
  const auto made = compile("CPU");
  ASSERT_TRUE(made.ok()) << made.status().to_string();
  EXPECT_THAT(made->info.note, HasSubstr("CPU on openvino: backend openvino cannot be loaded"));
  source_.format = ModelFormat::kOpenvinoIr;
  const auto none = compile("CPU");
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(std::string(none.status().message()),
              HasSubstr("onnxruntime does not read OpenVINO IR models, only ONNX"));
  add("armnn", kTakesAll, true);
  EXPECT_THAT(std::string(compile("ARMNN").status().message()),
              ::testing::StartsWith("ARMNN on armnn: armnn does not read OpenVINO IR models"));
}

// Somebody would convert the file first, and only then be told that there is no card.
TEST_F(PlanCompilerTest, ADeviceThatIsNotThereIsToldBeforeTheFileIsBlamed) {
  const auto runtime = add("onnxruntime", kTakesAll, true);
  source_.format = ModelFormat::kOpenvinoIr;
  EXPECT_THAT(std::string(compile("CUDA").status().message()),
              HasSubstr("onnxruntime has no device CUDA.0 here (see: ocelli doctor), and does not read OpenVINO IR"));
  auto card = device_called("CUDA.0");
  card.usable = false;
  card.reason = "its driver is too old";
  runtime->listed = {card};
  EXPECT_THAT(
      std::string(compile("CUDA").status().message()),
      HasSubstr("CUDA.0 is not usable here (its driver is too old), and onnxruntime does not read OpenVINO IR"));
  runtime->listed.front().usable = true;
  EXPECT_THAT(std::string(compile("CUDA").status().message()),
              HasSubstr("on onnxruntime: onnxruntime does not read OpenVINO IR models, only ONNX"));
}

TEST_F(PlanCompilerTest, AWrongParameterIsNotHiddenByAStandIn) {
  add("openvino", [](const CompileOptions&) { return invalid_argument("shape of input x"); });
  const auto onnxruntime = add("onnxruntime", kTakesAll);
  for (const char* target : {"CPU", "AUTO:GPU,CPU"}) {
    const auto made = compile(target);
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.status().code(), StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(onnxruntime->asked.empty());
}

TEST_F(PlanCompilerTest, EachMemberCarriesItsLimit) {
  const auto openvino = add("openvino", kTakesAll);
  const auto onnxruntime = add("onnxruntime", kTakesAll);
  const auto card = compile("MULTI:NVIDIA(8),CPU(2)");
  const auto processor = compile("MULTI:NVIDIA(8),CPU(2)", {}, 1);
  ASSERT_TRUE(card.ok() && processor.ok()) << card.status().to_string() << processor.status().to_string();
  EXPECT_EQ(card->info.device, "TENSORRT.0");
  EXPECT_EQ(onnxruntime->asked.at(0).requests, 8U);
  EXPECT_EQ(openvino->asked.at(0).requests, 2U);
}

// plugin_config keys of devices that know these only.
std::function<bool(const std::string&, const std::string&)> knows_only(const std::set<std::string>& keys) {
  return [keys](const std::string&, const std::string& key) { return keys.contains(key); };
}

TEST_F(PlanCompilerTest, AKeyOfAListGoesToTheMembersThatKnowIt) {
  const auto openvino = add("openvino", kTakesAll);
  openvino->knows = knows_only({"CACHE_DIR", "ENABLE_MMAP", "NUM_STREAMS"});
  const auto onnxruntime = add("onnxruntime", kTakesAll);
  onnxruntime->knows = knows_only({"gpu_mem_limit", "NUM_STREAMS"});
  const std::map<std::string, std::string> config{
      {"CACHE_DIR", "/c"}, {"ENABLE_MMAP", "NO"}, {"gpu_mem_limit", "1"}, {"NUM_STREAMS", "2"}};
  const std::string list = "MULTI:CPU.OPENVINO,CPU.ONNXRUNTIME";
  const auto plan = make_plan(list, config);
  ASSERT_TRUE(plan.ok()) << plan.status().to_string();
  EXPECT_TRUE(check_properties(*plan, registry_).ok());
  ASSERT_TRUE(compile(list, config, 0).ok());
  ASSERT_TRUE(compile(list, config, 1).ok());
  using Keys = std::map<std::string, std::string>;
  EXPECT_EQ(openvino->asked.at(0).properties, (Keys{{"CACHE_DIR", "/c"}, {"ENABLE_MMAP", "NO"}, {"NUM_STREAMS", "2"}}));
  EXPECT_EQ(onnxruntime->asked.at(0).properties, (Keys{{"gpu_mem_limit", "1"}, {"NUM_STREAMS", "2"}}));
}

TEST_F(PlanCompilerTest, AKeyThatNoMemberKnowsIsRefusedByName) {
  add("openvino", kTakesAll)->knows = knows_only({"CACHE_DIR"});
  add("onnxruntime", kTakesAll)->knows = knows_only({});
  const auto refusal = [&](const std::string& target, const std::string& key) {
    const auto plan = make_plan(target, {{key, "1"}});
    if (!plan.ok()) return plan.status().to_string();
    const auto status = check_properties(*plan, registry_);
    return status.ok() ? std::string("accepted") : status.to_string();
  };
  EXPECT_THAT(refusal("AUTO:NVIDIA,CPU", "FOO"),
              HasSubstr("plugin_config key FOO is not known to any device of NVIDIA, CPU"));
  EXPECT_THAT(refusal("AUTO:NVIDIA,CPU", "GPU_THROUGHPUT_STREAMS"), HasSubstr("GPU_THROUGHPUT_STREAMS is not known"));
  EXPECT_EQ(refusal("AUTO:NVIDIA,CPU", "CACHE_DIR"), "accepted");
  EXPECT_EQ(refusal("MULTI:NVIDIA,CPU.ONNXRUNTIME", "ENABLE_MMAP"), "accepted");
  EXPECT_EQ(refusal("AUTO:NVIDIA,CPU", "PERF_COUNT"), "accepted") << "the list's own";
  EXPECT_EQ(refusal("MULTI:GPU,NPU", "NUM_STREAMS"), "accepted");
  EXPECT_THAT(refusal("MULTI:GPU,NPU", "INFERENCE_NUM_THREADS"), HasSubstr("not known to any device of GPU, NPU"))
      << "a processor's";
  EXPECT_EQ(refusal("AUTO:MYRIAD,CPU", "CACHE_DIR"), "accepted") << "a runtime that is not there knows nothing";
}

TEST_F(PlanCompilerTest, ASingleDeviceIsGivenWhatItDoesNotKnowButForEnableMmap) {
  const auto onnxruntime = add("onnxruntime", kTakesAll);
  onnxruntime->knows = knows_only({});
  ASSERT_TRUE(compile("CPU.ONNXRUNTIME", {{"ENABLE_MMAP", "NO"}, {"FOO", "1"}}).ok());
  EXPECT_EQ(onnxruntime->asked.at(0).properties, (std::map<std::string, std::string>{{"FOO", "1"}}))
      << "its runtime refuses it by name";
  ASSERT_TRUE(compile("MULTI:CUDA,CPU.ONNXRUNTIME", {{"DEVICE_PROPERTIES", "{CPU.ONNXRUNTIME:{FOO:1}}"}}, 1).ok());
  EXPECT_TRUE(onnxruntime->asked.at(1).properties.contains("FOO")) << "meant for this member";
}

TEST_F(PlanCompilerTest, AStandInDoesWithoutTheKeysOfTheBetterWay) {
  add("openvino", [](const CompileOptions&) { return internal_error("operator Foo is unknown"); })->knows =
      knows_only({"CACHE_DIR"});
  const auto onnxruntime = add("onnxruntime", kTakesAll);
  onnxruntime->knows = knows_only({});
  ASSERT_TRUE(compile("CPU", {{"CACHE_DIR", "/c"}, {"FOO", "1"}}).ok());
  EXPECT_EQ(onnxruntime->asked.at(0).properties, (std::map<std::string, std::string>{{"FOO", "1"}}));
}

TEST_F(PlanCompilerTest, EveryWayThatFailedIsNamed) {
  add("onnxruntime", [](const CompileOptions& options) { return failed_precondition("no " + options.device); });
  const auto failed = compile("MULTI:NVIDIA,CPU");
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(failed.status().message()), HasSubstr("no TENSORRT.0; CUDA.0 on onnxruntime: no CUDA.0"));
}

TEST(RuntimeRegistryTest, BrokenModuleIsRememberedNotFatal) {
  const auto folder = std::filesystem::temp_directory_path() / ("ocelli_registry_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "libocelli_backend_broken.so") << "this is no library";
  RuntimeRegistry registry(folder, Log());
  auto states = registry.states();
  ASSERT_EQ(states.size(), 1U);
  EXPECT_EQ(states[0].name, "broken");
  EXPECT_FALSE(states[0].tried);
  const auto runtime = registry.get("broken");
  ASSERT_FALSE(runtime.ok());
  EXPECT_EQ(runtime.status().code(), StatusCode::kUnavailable);
  std::filesystem::remove_all(folder);
  EXPECT_EQ(registry.get("broken").status().message(), runtime.status().message()) << "the reason must be remembered";
  EXPECT_TRUE(registry.states()[0].tried);
}

TEST_F(PlanCompilerTest, ADeviceWithoutMemoryEndsTheSearchForWhoeverCanFreeSome) {
  add("openvino", [](const CompileOptions&) { return Status(StatusCode::kResourceExhausted, "full"); });
  const auto onnxruntime = add("onnxruntime", kTakesAll);
  const auto plan = make_plan("CPU", {});
  const auto& member = plan->members.front();
  const auto ended = compile_member(*plan, member, registry_, source_, options_, Log(), true);
  EXPECT_EQ(ended.status().code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(onnxruntime->asked.empty());
  const auto stood_in = compile_member(*plan, member, registry_, source_, options_, Log());
  ASSERT_TRUE(stood_in.ok()) << stood_in.status().to_string();
  EXPECT_EQ(stood_in->runtime->name(), "onnxruntime");
}

TEST_F(PlanCompilerTest, WhatTheRuntimeDoesNotSayAboutMemoryIsEstimatedFromTheFiles) {
  const auto path = std::filesystem::temp_directory_path() / ("ocelli-plan-" + std::to_string(getpid()) + ".onnx");
  std::ofstream(path) << std::string(1234, 'x');
  add("openvino", kTakesAll);
  source_.path = path;
  const auto made = compile("CPU");
  std::filesystem::remove(path);
  ASSERT_TRUE(made.ok()) << made.status().to_string();
  EXPECT_EQ(made->info.memory_bytes, 1234U);
  EXPECT_TRUE(made->info.memory_estimated);
}

}  // namespace
}  // namespace ocelli::devices
