#include "base/small_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <thread>
#include <vector>

#include "base/folder_entries.hpp"
#include "base/temporary_path.hpp"

namespace ocelli {
namespace {

namespace fs = std::filesystem;

struct SmallFile : testing::Test {
  SmallFile() {
    std::string text = (fs::temp_directory_path() / "ocelli_small_file_XXXXXX").string();
    folder = ::mkdtemp(text.data());
  }
  ~SmallFile() override { fs::remove_all(folder); }
  [[nodiscard]] std::ptrdiff_t entries() const {
    return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
  }
  fs::path folder;
};

TEST_F(SmallFile, WhatIsWrittenIsReadAndReplacedWhole) {
  const auto path = folder / "new" / "file";
  ASSERT_TRUE(replace_small_file(path, "one").ok());
  EXPECT_EQ(*read_small_file(path, 3), "one");
  ASSERT_TRUE(replace_small_file(path, "").ok());
  EXPECT_EQ(*read_small_file(path, 3), "");
  EXPECT_EQ(entries(), 1);
}

TEST_F(SmallFile, ReadingHasALimitAndTakesOnlyFiles) {
  ASSERT_TRUE(replace_small_file(folder / "file", "four").ok());
  EXPECT_EQ(read_small_file(folder / "file", 3).status().code(), StatusCode::kPayloadTooLarge);
  EXPECT_EQ(read_small_file(folder / "missing", 3).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(read_small_file(folder, 3).status().code(), StatusCode::kNotFound);
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_small_file(folder / "pipe", 3).status().code(), StatusCode::kNotFound);
}

TEST_F(SmallFile, AFailureLeavesNothingBehindAndSaysWhy) {
  // A file stands where the folder should be, and a folder where the file should be: that holds for root too.
  ASSERT_TRUE(replace_small_file(folder / "file", "old").ok());
  const auto status = replace_small_file(folder / "file" / "below", "new");
  EXPECT_EQ(status.code(), StatusCode::kInternal);
  EXPECT_NE(status.message().find("below cannot be written"), std::string::npos) << status.to_string();
  fs::create_directories(folder / "taken" / "inside");
  EXPECT_EQ(replace_small_file(folder / "taken", "new").code(), StatusCode::kInternal);
  EXPECT_EQ(*read_small_file(folder / "file", 3), "old");
  EXPECT_EQ(entries(), 2);
}

TEST_F(SmallFile, ReadersSeeOneWriterOrTheOther) {
  const auto path = folder / "file";
  const std::vector<std::string> texts{std::string(3000, 'a'), std::string(2000, 'b'), std::string(1000, 'c')};
  ASSERT_TRUE(replace_small_file(path, texts[0]).ok());
  std::vector<std::thread> writers;
  for (const auto& text : texts) {
    writers.emplace_back([&] {
      for (int i = 0; i < 50; ++i) EXPECT_TRUE(replace_small_file(path, text).ok());
    });
  }
  for (int i = 0; i < 200; ++i) {
    const auto read = read_small_file(path, 4000);
    ASSERT_TRUE(read.ok());
    EXPECT_NE(std::find(texts.begin(), texts.end(), *read), texts.end());
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(entries(), 1);
}

TEST_F(SmallFile, AFoldersEntriesAreThoseThatCanBeRead) {
  ASSERT_TRUE(replace_small_file(folder / "file", "1").ok());
  fs::create_directory(folder / "inner");
  EXPECT_EQ(folder_entries(folder).size(), 2U);
  EXPECT_TRUE(folder_entries(folder / "missing").empty());
  EXPECT_TRUE(folder_entries(folder / "file").empty());
}

TEST(TemporaryPath, IsBesideItsTargetAndNeverTheSame) {
  std::set<fs::path> names;
  for (int i = 0; i < 1000; ++i) names.insert(temporary_path("folder/file"));
  EXPECT_EQ(names.size(), 1000U);
  EXPECT_EQ(names.begin()->parent_path(), "folder");
  EXPECT_EQ(names.begin()->extension(), kTemporaryExtension);
}

}  // namespace
}  // namespace ocelli
