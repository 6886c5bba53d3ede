// The OpenVINO backend's cache of compiled models, and model files that are mapped.
#include "backends/openvino_fixture.hpp"

namespace ocelli::openvino {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

TEST_F(OpenvinoBackend, CacheServesTheSecondCompile) {
  const TemporaryFolder folder;
  auto options = exact_;
  options.cache_dir = (folder.path() / "cache").string();
  auto first = compile("product", options);
  ASSERT_NE(first, nullptr);
  EXPECT_FALSE(first->info().loaded_from_cache);
  auto second = compile("product", options);
  ASSERT_NE(second, nullptr);
  EXPECT_TRUE(second->info().loaded_from_cache);
  EXPECT_EQ(second->info().precision, "FP32");
  EXPECT_EQ(run_floats(*second, {1, 64}, std::vector<float>(64, 1)),
            run_floats(*first, {1, 64}, std::vector<float>(64, 1)));
}

TEST_F(OpenvinoBackend, SecondCompileKnowsTheModelWithoutReadingIt) {
  const TemporaryFolder folder;
  auto options = exact_;
  options.cache_dir = folder.path().string();
  for (const char* name : {"row", "counter", "unnamed", "identity_string", "dynamic"}) {
    SCOPED_TRACE(name);
    auto fresh = compile(name, exact_);
    ASSERT_NE(compile(name, options), nullptr);
    auto cached = compile(name, options);
    ASSERT_NE(cached, nullptr);
    EXPECT_TRUE(cached->info().loaded_from_cache);
    EXPECT_EQ(cached->model_info(), fresh->model_info());
    EXPECT_EQ(cached->stateful(), fresh->stateful());
    ASSERT_EQ(cached->signature().inputs.size(), 1U);
    EXPECT_EQ(cached->signature().inputs[0].name, fresh->signature().inputs[0].name);
    EXPECT_EQ(cached->signature().inputs[0].shape, fresh->signature().inputs[0].shape);
    EXPECT_EQ(cached->signature().outputs[0].name, fresh->signature().outputs[0].name);
    EXPECT_EQ(cached->signature().outputs[0].type, fresh->signature().outputs[0].type);
  }
}

TEST_F(OpenvinoBackend, AModelFromTheCacheRefusesShapesBeforeItRuns) {
  const TemporaryFolder folder;
  auto options = exact_;
  options.cache_dir = folder.path().string();
  ASSERT_NE(compile("two_ways", options), nullptr);
  auto cached = compile("two_ways", options);
  ASSERT_NE(cached, nullptr);
  EXPECT_TRUE(cached->info().loaded_from_cache);
  auto request = std::move(cached->create_request()).value();
  const auto run = [&](std::int64_t rows_a, std::int64_t rows_b) {
    std::vector<float> values(32, 1);
    const auto set = [&](std::size_t index, std::int64_t rows) {
      const TensorView view{DataType::kFp32,
                            {rows, 4},
                            reinterpret_cast<std::byte*>(values.data()),
                            static_cast<std::size_t>(rows) * 4 * sizeof(float)};
      EXPECT_TRUE(request->set_input(index, view).ok());
    };
    set(0, rows_a);
    set(1, rows_b);
    return request->run();
  };
  EXPECT_TRUE(run(2, 2).ok());
  const auto refused = run(3, 5);
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("the model refuses these shapes: "));
  EXPECT_TRUE(run(2, 2).ok());
}

TEST_F(OpenvinoBackend, CacheForgetsAFileThatWasReplaced) {
  const TemporaryFolder folder;
  const TemporaryFolder cache;
  auto options = exact_;
  options.cache_dir = cache.path().string();
  const auto put = [&](const char* name) {
    for (const char* file : {"model.xml", "model.bin"}) {
      std::filesystem::copy_file(models_ / name / file, folder.path() / file,
                                 std::filesystem::copy_options::overwrite_existing);
    }
  };
  const auto width = [&] {
    auto model = runtime_->compile({ModelFormat::kOpenvinoIr, folder.path() / "model.xml"}, options);
    EXPECT_TRUE(model.ok()) << model.status().to_string();
    if (!model.ok()) return std::string();
    const auto shape = (*model)->signature().inputs[0].shape.static_shape().value();
    const std::vector<float> ones(*shape.element_count(), 1);
    EXPECT_EQ(run_floats(**model, shape, ones), ones);
    return shape.to_string();
  };
  put("row");
  EXPECT_EQ(width(), "(1,64)");
  EXPECT_EQ(width(), "(1,64)");
  put("picture");
  EXPECT_EQ(width(), "(1,3,4,5)");
  EXPECT_EQ(width(), "(1,3,4,5)");
}

TEST_F(OpenvinoBackend, FilesMayBeMapped) {
  auto options = exact_;
  options.properties["ENABLE_MMAP"] = "YES";
  EXPECT_NE(compile("heavy", options), nullptr);
  const TemporaryFolder folder;
  options.cache_dir = folder.path().string();
  EXPECT_NE(compile("heavy", options), nullptr);
  EXPECT_NE(compile("heavy", options), nullptr);
}

TEST_F(OpenvinoBackend, UnusableCacheDoesNotKeepAModelFromServing) {
  const TemporaryFolder folder;
  folder.write("file", "");
  auto options = exact_;
  options.cache_dir = (folder.path() / "file" / "cache").string();
  auto model = compile("product", options);
  ASSERT_NE(model, nullptr);
  EXPECT_THAT(model->info().note, HasSubstr("cache"));
  EXPECT_EQ(run_floats(*model, {1, 64}, std::vector<float>(64, 0)), std::vector<float>(64, 0));
}

// Which of the files beside it are its weights cannot be told from outside.
TEST_F(OpenvinoBackend, AModelAmongThousandsOfFilesIsServedWithoutTheCache) {
  const TemporaryFolder folder;
  const TemporaryFolder cache;
  std::filesystem::copy_file(models_ / "flat" / "model.onnx", folder.path() / "model.onnx");
  for (int i = 0; i < 4096; ++i) folder.write(std::to_string(i), "");
  auto options = exact_;
  options.cache_dir = cache.path().string();
  const auto model = runtime_->compile({ModelFormat::kOnnx, folder.path() / "model.onnx"}, options);
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  EXPECT_THAT((*model)->info().note, HasSubstr("compiled without the model cache"));
  EXPECT_THAT((*model)->info().note, HasSubstr("more than 4096 files"));
}

TEST_F(OpenvinoBackend, DamagedCacheEntriesAreCompiledAnew) {
  const TemporaryFolder folder;
  auto options = exact_;
  options.cache_dir = folder.path().string();
  ASSERT_NE(compile("product", options), nullptr);
  int damaged = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    if (!entry.is_regular_file()) continue;
    std::filesystem::resize_file(entry.path(), std::filesystem::file_size(entry.path()) / 2);
    ++damaged;
  }
  EXPECT_GT(damaged, 0);
  auto model = compile("product", options);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(run_floats(*model, {1, 64}, std::vector<float>(64, 0)), std::vector<float>(64, 0));
}

TEST_F(OpenvinoBackend, CacheKeepsModelsWithTheirChangesApart) {
  const TemporaryFolder folder;
  auto plain = exact_;
  plain.cache_dir = folder.path().string();
  auto changed = plain;
  changed.preprocess.layout[""] = "NCHW";
  changed.preprocess.precision = "uint8:fp32";
  changed.batch = Dimension::fixed(2);
  for (const bool second : {false, true}) {
    for (const auto& options : {plain, changed}) {
      auto model = compile("picture", options);
      ASSERT_NE(model, nullptr);
      EXPECT_EQ(model->info().loaded_from_cache, second);
      const bool is_changed = options.batch.has_value();
      EXPECT_EQ(model->signature().inputs[0].type, is_changed ? DataType::kUint8 : DataType::kFp32);
      EXPECT_EQ(model->signature().inputs[0].shape.dims[0], Dimension::fixed(is_changed ? 2 : 1));
    }
  }
}

TEST_F(OpenvinoBackend, CacheKeepsWhatCustomLayersAreCompiledIntoApart) {
  const char* library = std::getenv("OCELLI_TEST_EXTENSION");
  ASSERT_NE(library, nullptr) << "set OCELLI_TEST_EXTENSION to the library of tests/support/openvino_extension.cpp";
  const TemporaryFolder folder;
  const auto copy = folder.path() / "layers.so";
  std::filesystem::copy_file(library, copy);
  auto options = exact_;
  options.cache_dir = (folder.path() / "cache").string();
  const auto from_cache = [&] { return compile("row", options)->info().loaded_from_cache; };
  EXPECT_FALSE(from_cache());
  options.extension_library = copy.string();
  EXPECT_FALSE(from_cache());
  EXPECT_TRUE(from_cache());
  std::filesystem::last_write_time(copy, std::filesystem::last_write_time(copy) + std::chrono::seconds(5));
  EXPECT_FALSE(from_cache()) << "it is another one now";
}

TEST_F(OpenvinoBackend, CacheKnowsACopyOfAModel) {
  const TemporaryFolder folder;
  const TemporaryFolder cache;
  auto options = exact_;
  options.cache_dir = cache.path().string();
  ASSERT_NE(compile("product", options), nullptr);
  for (const char* file : {"model.xml", "model.bin"})
    std::filesystem::copy_file(models_ / "product" / file, folder.path() / file);
  auto copy = runtime_->compile({ModelFormat::kOpenvinoIr, folder.path() / "model.xml"}, options);
  ASSERT_TRUE(copy.ok()) << copy.status().to_string();
  EXPECT_TRUE((*copy)->info().loaded_from_cache);
}

TEST_F(OpenvinoBackend, CacheEntryWithAnotherByteIsCompiledAnew) {
  const TemporaryFolder folder;
  auto options = exact_;
  options.cache_dir = folder.path().string();
  ASSERT_NE(compile("product", options), nullptr);
  int entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    if (entry.path().extension() != ".ocelli") continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(entry.file_size() - 20));
    file.put('~');
    ++entries;
  }
  ASSERT_EQ(entries, 1);
  auto model = compile("product", options);
  ASSERT_NE(model, nullptr);
  EXPECT_FALSE(model->info().loaded_from_cache);
  EXPECT_TRUE(compile("product", options)->info().loaded_from_cache);
}

}  // namespace
}  // namespace ocelli::openvino
