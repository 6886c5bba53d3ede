// What the ONNX Runtime backend decides about NVIDIA's devices before any library sees it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "backends/onnxruntime/device_request.hpp"
#include "backends/onnxruntime/engine_cache.hpp"
#include "backends/onnxruntime/node_placement.hpp"
#include "backends/onnxruntime/provider_options.hpp"
#include "backends/onnxruntime/run_error.hpp"
#include "backends/onnxruntime/shrink_policy.hpp"
#include "support/backend_fixture.hpp"

namespace ocelli::onnxruntime {
namespace {

using ocelli::testing::TemporaryFolder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

std::vector<std::string> providers_of(const std::string& text) {
  const auto request = parse_device(text);
  EXPECT_TRUE(request.ok()) << request.status().to_string();
  std::vector<std::string> result;
  for (const auto& use : request->providers) result.push_back(use.to_string());
  if (request->cpu_allowed) result.emplace_back("CPU");
  return result;
}

std::string refusal_of(const std::string& text) {
  const auto request = parse_device(text);
  EXPECT_FALSE(request.ok()) << text;
  EXPECT_EQ(request.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(request.status().message()), HasSubstr("Cannot compile model into target device " + text));
  return std::string(request.status().message());
}

TEST(DeviceRequest, NamesBecomeProvidersInOrder) {
  EXPECT_THAT(providers_of("CPU"), ElementsAre("CPU"));
  EXPECT_THAT(providers_of("CUDA"), ElementsAre("CUDA.0"));
  EXPECT_THAT(providers_of("CUDA.3"), ElementsAre("CUDA.3"));
  EXPECT_THAT(providers_of("TENSORRT.1"), ElementsAre("TENSORRT.1", "CUDA.1"));
  EXPECT_THAT(providers_of("NVIDIA"), ElementsAre("TENSORRT.0", "CUDA.0"));
  EXPECT_THAT(providers_of("HETERO:CUDA.0,CPU"), ElementsAre("CUDA.0", "CPU"));
  EXPECT_THAT(providers_of("HETERO:TENSORRT.2(3),CUDA.2,CPU(1)"), ElementsAre("TENSORRT.2", "CUDA.2", "CPU"));
  EXPECT_THAT(providers_of("HETERO:NVIDIA.1,CPU"), ElementsAre("TENSORRT.1", "CUDA.1", "CPU"));
}

TEST(DeviceRequest, OnlyNvidiaMayDoWithoutOneOfItsProviders) {
  const auto any_optional = [](const std::string& text) {
    const auto request = *parse_device(text);
    return std::any_of(request.providers.begin(), request.providers.end(),
                       [](const auto& use) { return use.optional; });
  };
  EXPECT_TRUE(any_optional("NVIDIA.0"));
  EXPECT_FALSE(any_optional("TENSORRT.0"));
  EXPECT_FALSE(any_optional("HETERO:CUDA.0,CPU"));
}

TEST(DeviceRequest, MistakesAreNamed) {
  EXPECT_THAT(refusal_of("CUDA.x"), HasSubstr("CUDA.x is no number"));
  EXPECT_THAT(refusal_of("CUDA."), HasSubstr("no number"));
  EXPECT_THAT(refusal_of("GPU.0"), HasSubstr("CUDA.n"));
  EXPECT_THAT(refusal_of(""), HasSubstr("CPU, CUDA.n"));
  EXPECT_THAT(refusal_of("HETERO:"), HasSubstr("CPU, CUDA.n"));
  EXPECT_THAT(refusal_of("HETERO:CPU,CUDA.0"), HasSubstr("CUDA.0 behind it would get none"));
  EXPECT_THAT(refusal_of("HETERO:CUDA.0,CUDA.1,CPU"), HasSubstr("one NVIDIA card"));
}

NvidiaSettings settings_of(const std::string& device, const std::map<std::string, std::string>& properties,
                           const std::string& precision = "") {
  const auto settings = nvidia_settings(*parse_device(device), properties, precision);
  EXPECT_TRUE(settings.ok()) << settings.status().to_string();
  return settings.ok() ? *settings : NvidiaSettings{};
}

std::string option_error(const std::string& device, const std::string& key, const std::string& value) {
  const auto settings = nvidia_settings(*parse_device(device), {{key, value}}, "");
  EXPECT_FALSE(settings.ok()) << key << '=' << value;
  EXPECT_EQ(settings.status().code(), StatusCode::kInvalidArgument);
  return std::string(settings.status().message());
}

TEST(NvidiaSettings, MemoryOfTheCardIsNotKeptForEver) {
  const auto settings = settings_of("CUDA.0", {});
  EXPECT_THAT(settings.cuda, ElementsAre(Pair("arena_extend_strategy", "kSameAsRequested"),
                                         Pair("cudnn_conv_algo_search", "HEURISTIC")));
  EXPECT_EQ(settings.shrinkage, ArenaShrinkage::kAuto);
  EXPECT_EQ(settings.fallback, CpuFallback::kShapes);
  const auto chosen = settings_of("CUDA.0", {{"arena_extend_strategy", "kNextPowerOfTwo"},
                                             {"gpu_mem_limit", "2147483648"},
                                             {"ARENA_SHRINKAGE", "YES"},
                                             {"CPU_FALLBACK", "NO"}});
  EXPECT_EQ(chosen.cuda.at("arena_extend_strategy"), "kNextPowerOfTwo");
  EXPECT_EQ(chosen.cuda.at("gpu_mem_limit"), "2147483648");
  EXPECT_EQ(chosen.shrinkage, ArenaShrinkage::kYes);
  EXPECT_EQ(chosen.fallback, CpuFallback::kNo);
}

TEST(NvidiaSettings, KeysReachTheProviderThatTheyAreFor) {
  const auto settings =
      settings_of("NVIDIA.0", {{"trt_fp16_enable", "YES"}, {"enable_cuda_graph", "false"}, {"use_tf32", "NO"}});
  EXPECT_THAT(settings.tensorrt, ElementsAre(Pair("trt_fp16_enable", "1")));
  EXPECT_EQ(settings.cuda.at("use_tf32"), "0");
  EXPECT_EQ(settings.cuda.at("enable_cuda_graph"), "0");
  EXPECT_FALSE(settings.cuda_graph);
  EXPECT_TRUE(settings_of("TENSORRT", {{"trt_cuda_graph_enable", "1"}}).cuda_graph);
  EXPECT_TRUE(settings_of("CUDA", {{"enable_cuda_graph", "true"}}).cuda_graph);
}

TEST(NvidiaSettings, PrecisionBecomesWhatEachProviderUnderstands) {
  EXPECT_EQ(settings_of("NVIDIA", {}, "f16").tensorrt.at("trt_fp16_enable"), "1");
  EXPECT_EQ(settings_of("TENSORRT", {}, "bf16").tensorrt.at("trt_bf16_enable"), "1");
  EXPECT_EQ(settings_of("CUDA", {}, "f32").cuda.at("use_tf32"), "0");
  EXPECT_EQ(settings_of("CUDA", {}, "tf32").cuda.at("use_tf32"), "1");
  EXPECT_FALSE(settings_of("CUDA", {}, "").cuda.contains("use_tf32")) << "the provider's own default";
  EXPECT_EQ(settings_of("CUDA", {{"use_tf32", "YES"}}, "f32").cuda.at("use_tf32"), "1") << "the nearer key wins";
  const auto wrong = nvidia_settings(*parse_device("CUDA"), {}, "f8");
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(std::string(wrong.status().message()), AllOf(HasSubstr("INFERENCE_PRECISION_HINT"), HasSubstr("f8")));
}

TEST(NvidiaSettings, UnknownKeysAndValuesAreNamed) {
  EXPECT_THAT(option_error("CUDA.0", "nonsense", "1"), AllOf(HasSubstr("nonsense"), HasSubstr("CUDA.0")));
  EXPECT_THAT(option_error("CUDA.0", "trt_fp16_enable", "1"),
              AllOf(HasSubstr("trt_fp16_enable"), HasSubstr("TENSORRT")));
  EXPECT_THAT(option_error("CUDA.0", "device_id", "1"), HasSubstr("device_id")) << "the name of the device says it";
  EXPECT_THAT(option_error("CUDA.0", "user_compute_stream", "1"), HasSubstr("user_compute_stream"));
  EXPECT_THAT(option_error("TENSORRT", "trt_engine_cache_path", "/"), HasSubstr("trt_engine_cache_path"));
  EXPECT_THAT(option_error("CUDA", "gpu_mem_limit", "2GB"),
              AllOf(HasSubstr("gpu_mem_limit is 2GB"), HasSubstr("number")));
  EXPECT_THAT(option_error("CUDA", "gpu_mem_limit", "0"), HasSubstr("1 or more"));
  EXPECT_THAT(option_error("CUDA", "arena_extend_strategy", "kSame"), HasSubstr("kSameAsRequested, kNextPowerOfTwo"));
  EXPECT_THAT(option_error("CUDA", "arena_extend_strategy", "kSameAsRequested kNextPowerOfTwo"), HasSubstr("one of"));
  EXPECT_THAT(option_error("CUDA", "prefer_nhwc", "maybe"), HasSubstr("YES or NO"));
  EXPECT_THAT(option_error("TENSORRT", "trt_builder_optimization_level", "6"), HasSubstr("from 0 to 5"));
  EXPECT_THAT(option_error("CUDA", "CPU_FALLBACK", "maybe"), HasSubstr("SHAPES, NO or YES"));
  EXPECT_THAT(option_error("CUDA", "ARENA_SHRINKAGE", ""), HasSubstr("AUTO, NO or YES"));
}

TEST(NvidiaSettings, EveryKeySaysWhatItExpects) {
  std::set<std::string_view> seen;
  for (const auto& key : provider_keys()) {
    EXPECT_TRUE(seen.insert(key.key).second) << key.key;
    EXPECT_FALSE(key.expected.empty()) << key.key;
    EXPECT_FALSE(key.meaning.empty()) << key.key;
  }
  EXPECT_GT(seen.size(), 40U);
}

TEST(NvidiaSettings, TheReferenceListsEveryKey) {
  std::ifstream file(OCELLI_NVIDIA_REFERENCE);
  const std::string page((std::istreambuf_iterator<char>(file)), {});
  ASSERT_FALSE(page.empty()) << OCELLI_NVIDIA_REFERENCE;
  for (const auto& key : provider_keys()) {
    const std::string row = "| `" + std::string(key.key) + "` | " + std::string(key.expected) + " | ";
    EXPECT_THAT(page, HasSubstr(row + std::string(key.meaning)));
  }
}

const NodePlacement kMixed{{"CUDA.0", {{"Conv", 5}, {"Relu", 5}}},
                           {"CPU", {{"Gather", 2}, {"Shape", 1}, {"NonZero", 1}}}};

TEST(NodePlacement, OperatorsOnTheCpuAreRefusedByName) {
  const auto request = *parse_device("CUDA.0");
  const auto refused = check_fallback(kMixed, request, CpuFallback::kShapes);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr("target device CUDA.0"), HasSubstr("1 node: NonZero 1"), HasSubstr("CPU_FALLBACK=YES"),
                    HasSubstr("HETERO:CUDA.0,CPU"), ::testing::Not(HasSubstr("Gather"))));
  const auto strict = check_fallback(kMixed, request, CpuFallback::kNo);
  ASSERT_FALSE(strict.ok());
  EXPECT_THAT(std::string(strict.message()), HasSubstr("4 nodes: Gather 2"));
  EXPECT_TRUE(check_fallback(kMixed, request, CpuFallback::kYes).ok());
}

TEST(NodePlacement, ShapeArithmeticAndTheCpuItselfAreFine) {
  const NodePlacement shapes{{"CUDA.0", {{"Conv", 5}}}, {"CPU", {{"Gather", 2}, {"Shape", 1}}}};
  EXPECT_TRUE(check_fallback(shapes, *parse_device("CUDA.0"), CpuFallback::kShapes).ok());
  EXPECT_FALSE(check_fallback(shapes, *parse_device("CUDA.0"), CpuFallback::kNo).ok());
  const NodePlacement cpu{{"CPU", {{"Conv", 5}}}};
  EXPECT_TRUE(check_fallback(cpu, *parse_device("CPU"), CpuFallback::kShapes).ok());
  EXPECT_TRUE(check_fallback({}, *parse_device("CUDA.0"), CpuFallback::kShapes).ok()) << "unknown";
  EXPECT_EQ(settings_of("HETERO:CUDA.0,CPU", {}).fallback, CpuFallback::kYes);
}

TEST(NodePlacement, TextTellsWhoRunsWhat) {
  EXPECT_EQ(placement_text(kMixed),
            "CUDA.0 runs 10 nodes: Conv 5, Relu 5; CPU runs 4 nodes: Gather 2, NonZero 1, Shape 1");
}

TEST(EngineCache, NothingElseFindsAnEngine) {
  const TemporaryFolder folder;
  folder.write("a.onnx", "one");
  folder.write("b.onnx", "other");
  const auto open = [&](const std::string& model, const EngineKey& key, const std::string& settings) {
    auto cache = open_engine_cache(folder.path() / "cache", folder.path() / model, key, settings);
    EXPECT_TRUE(cache.ok()) << cache.status().to_string();
    EXPECT_TRUE(std::filesystem::is_directory(cache->engines) && std::filesystem::is_directory(cache->timing));
    return *cache;
  };
  const EngineKey card{"sm_90", "10.14.1", "1.31.1"};
  const auto first = open("a.onnx", card, "trt_fp16_enable=1;");
  EXPECT_EQ(open("a.onnx", card, "trt_fp16_enable=1;").engines, first.engines);
  std::set<std::filesystem::path> others{first.engines};
  others.insert(open("b.onnx", card, "trt_fp16_enable=1;").engines);
  others.insert(open("a.onnx", {"sm_80", "10.14.1", "1.31.1"}, "trt_fp16_enable=1;").engines);
  others.insert(open("a.onnx", {"sm_90", "10.15.0", "1.31.1"}, "trt_fp16_enable=1;").engines);
  others.insert(open("a.onnx", {"sm_90", "10.14.1", "1.32.0"}, "trt_fp16_enable=1;").engines);
  others.insert(open("a.onnx", card, "").engines);
  folder.write("a.onnx", "two");
  others.insert(open("a.onnx", card, "trt_fp16_enable=1;").engines);
  folder.write("a.onnx.data", "weights");
  others.insert(open("a.onnx", card, "trt_fp16_enable=1;").engines);
  EXPECT_EQ(others.size(), 8U);
  EXPECT_EQ(open("b.onnx", card, "").timing, first.timing) << "timings are of the card, not of a model";
}

// TensorRT names an engine by the names in a model, not by its shapes: one for a picture would be taken for eight.
TEST(EngineCache, ShapesFromOutsideArePartOfTheSettings) {
  CompileOptions plain;
  EXPECT_EQ(shape_settings(plain), "");
  CompileOptions eight;
  eight.batch = Dimension::fixed(8);
  CompileOptions some;
  some.batch = Dimension{1, 8};
  CompileOptions shaped;
  shaped.shapes["x"] = PartialShape::from({8, 3, 224, 224});
  CompileOptions other;
  other.shapes["y"] = PartialShape::from({8, 3, 224, 224});
  std::set<std::string> texts;
  for (const auto* options : {&plain, &eight, &some, &shaped, &other}) texts.insert(shape_settings(*options));
  EXPECT_EQ(texts.size(), 5U);
}

TEST(EngineCache, TellsWhetherThereWasAnEngine) {
  const TemporaryFolder folder;
  folder.write("a.onnx", "one");
  const EngineKey card{"sm_90", "10.14.1", "1.31.1"};
  const auto before = open_engine_cache(folder.path() / "cache", folder.path() / "a.onnx", card, "");
  ASSERT_TRUE(before.ok());
  EXPECT_FALSE(before->filled);
  std::ofstream(before->engines / "graph_sm90.engine") << "engine";
  EXPECT_TRUE(open_engine_cache(folder.path() / "cache", folder.path() / "a.onnx", card, "")->filled);
}

TEST(EngineCache, FolderThatCannotBeMadeIsAnError) {
  const TemporaryFolder folder;
  folder.write("a.onnx", "one");
  folder.write("file", "in the way");
  const auto cache = open_engine_cache(folder.path() / "file", folder.path() / "a.onnx", {"sm_90", "10", "1"}, "");
  ASSERT_FALSE(cache.ok());
  EXPECT_EQ(cache.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(open_engine_cache(folder.path(), folder.path() / "absent" / "m.onnx", {}, "").status().code(),
            StatusCode::kNotFound);
}

TEST(ShrinkPolicy, GivesBackAfterARunMuchLargerThanUsual) {
  ShrinkPolicy policy(ArenaShrinkage::kAuto, true, 2);
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(policy.shrink_after(1000)) << i;
  EXPECT_TRUE(policy.shrink_after(100'000));
  EXPECT_FALSE(policy.shrink_after(1000));
  for (int i = 0; i < 40; ++i) (void)policy.shrink_after(100'000);
  EXPECT_FALSE(policy.shrink_after(100'000)) << "large has become usual";
}

TEST(ShrinkPolicy, GivesBackOnceWhenRunsHaveBecomeSmaller) {
  ShrinkPolicy policy(ArenaShrinkage::kAuto, true, 8);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(policy.shrink_after(100'000)) << i;
  int times = 0;
  for (int i = 0; i < 200; ++i) times += policy.shrink_after(1000) ? 1 : 0;
  EXPECT_EQ(times, 1);
}

TEST(ShrinkPolicy, RestsBetweenTwoTimes) {
  ShrinkPolicy policy(ArenaShrinkage::kAuto, true, 8);
  for (int i = 0; i < 50; ++i) (void)policy.shrink_after(1000);
  EXPECT_TRUE(policy.shrink_after(1'000'000));
  for (int i = 0; i < 200; ++i) (void)policy.shrink_after(1000);
  EXPECT_FALSE(policy.shrink_after(1'000'000)) << "ten seconds have not passed";
}

TEST(ShrinkPolicy, BatchesOfDifferentSizesAreUsual) {
  ShrinkPolicy policy(ArenaShrinkage::kAuto, true, UsualSize::kHostFactor);
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(policy.shrink_after(i % 50 == 49 ? 8000 : 1000)) << i;
}

TEST(ShrinkPolicy, FollowsWhatWasAskedFor) {
  ShrinkPolicy always(ArenaShrinkage::kYes, false, 2);
  EXPECT_TRUE(always.shrink_after(1));
  always.stop();
  EXPECT_FALSE(always.shrink_after(1));
  ShrinkPolicy never(ArenaShrinkage::kNo, true, 2);
  ShrinkPolicy fixed_shapes(ArenaShrinkage::kAuto, false, 2);
  for (const std::size_t bytes : {1U, 1'000'000U}) {
    EXPECT_FALSE(never.shrink_after(bytes));
    EXPECT_FALSE(fixed_shapes.shrink_after(bytes));
  }
}

// As ONNX Runtime 1.20 to 1.31 write them; hosts and files shortened.
TEST(RunError, AFullCardIsToldFromALostOne) {
  const auto code = [](std::string_view message) { return code_of_message(message, StatusCode::kInternal); };
  const std::string_view arena =
      "Non-zero status code returned while running Conv node. Name:'c' Status Message: bfc_arena.cc:376 void* "
      "onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*) ";
  EXPECT_EQ(code(std::string(arena) + "Failed to allocate memory for requested buffer of size 939524096"),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(code(std::string(arena) + "Available memory of 0 is smaller than requested bytes of 135383040"),
            StatusCode::kResourceExhausted)
      << "gpu_mem_limit is reached";
  EXPECT_EQ(code("CUDA failure 2: out of memory ; GPU=0 ; hostname=h ; expr=cudaMalloc((void**)&p, size);"),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(code("CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; hostname=h ; expr=cublasCreate(&handle);"),
            StatusCode::kResourceExhausted);
  for (const auto* lost : {"CUDA failure 700: an illegal memory access was encountered ; GPU=0",
                           "CUDA failure 719: unspecified launch failure",
                           "CUDA failure 46: all CUDA-capable devices are busy or unavailable",
                           "CUDA failure 214: uncorrectable ECC error", "CUDA failure 999: unknown error",
                           "CUDNN failure 5000: CUDNN_STATUS_EXECUTION_FAILED ; GPU=1"}) {
    EXPECT_EQ(code(lost), StatusCode::kUnavailable) << lost;
  }
  // A request's or a model's fault, or one of ours: the card goes on.
  for (const auto* fault :
       {"CUDA failure 1: invalid argument ; GPU=0", "CUDA failure 7190: no such number", "CUDA failure ",
        "Non-zero status code returned while running Reshape node. The input tensor cannot be reshaped"}) {
    EXPECT_EQ(code(fault), StatusCode::kInternal) << fault;
  }
  EXPECT_EQ(code_of_message("", StatusCode::kOk), StatusCode::kOk);
}

// Shrinking is given up for a session without an arena, and not because a large run found no memory in the arena.
TEST(RunError, NoMemoryInTheArenaIsNoRefusalToShrinkIt) {
  EXPECT_TRUE(
      refuses_to_shrink("Did not find an arena based allocator registered for device-id  combination in the "
                        "memory arena shrink list: gpu:0"));
  EXPECT_FALSE(
      refuses_to_shrink("bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, "
                        "onnxruntime::Stream*) Failed to allocate memory for requested buffer of size 939524096"));
  EXPECT_FALSE(refuses_to_shrink(""));
}

}  // namespace
}  // namespace ocelli::onnxruntime
