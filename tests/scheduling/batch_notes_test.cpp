// What was measured is kept in the cache folder, and believed only when nothing has changed.
#include "scheduling/batch_notes.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "base/small_file.hpp"
#include "runtime/model_digest.hpp"
#include "scheduling/batch_probe.hpp"
#include "support/backend_fixture.hpp"
#include "support/fake_model.hpp"

namespace ocelli::scheduling {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr std::string_view kKey = "model 1";

BatchFindings some_findings() {
  return {true, {1, 2, 8}, milliseconds(7), "requests are batched on CPU, sizes 1, 2, 8"};
}

TEST(BatchFindings, AreReadAsTheyWereWritten) {
  const auto text = findings_to_text(some_findings(), kKey);
  EXPECT_EQ(findings_from_text(text, kKey), some_findings());
  EXPECT_EQ(findings_from_text(findings_to_text({}, kKey), kKey), BatchFindings());
  EXPECT_FALSE(findings_from_text(text, "model 2"));
}

TEST(BatchFindings, ARemarkStaysOneLineOfBoundedLength) {
  auto findings = some_findings();
  findings.remark = "two\nlines\n" + std::string(5000, 'x');
  const auto text = findings_to_text(findings, kKey);
  EXPECT_LE(text.size(), kMostFindingsText);
  const auto read = findings_from_text(text, kKey);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->remark.size(), BatchFindings::kMostRemark);
  EXPECT_TRUE(read->remark.starts_with("two lines x"));
}

TEST(BatchFindings, AnyChangedOrMissingByteIsNoticed) {
  const auto text = findings_to_text(some_findings(), kKey);
  for (std::size_t i = 0; i < text.size(); ++i) {
    EXPECT_FALSE(findings_from_text(text.substr(0, i), kKey)) << i;
    auto changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(findings_from_text(changed, kKey)) << i;
  }
  EXPECT_FALSE(findings_from_text(text + "x", kKey));
  EXPECT_FALSE(findings_from_text("", kKey));
}

// With the digest made right again, so that the values themselves are judged.
TEST(BatchFindings, ImpossibleValuesAreRefused) {
  const auto text = findings_to_text(some_findings(), kKey);
  const auto with = [&](const std::string& from, const std::string& to) {
    auto body = text.substr(0, text.rfind("digest "));
    body.replace(body.find(from), from.size(), to);
    return body + "digest " + digest_of(body) + "\n";
  };
  EXPECT_TRUE(findings_from_text(with("sizes 1 2 8", "sizes 1 2 9"), kKey));
  for (const char* sizes : {"sizes 2 8", "sizes 1 8 2", "sizes 1 2 2", "sizes 1 2 ", "sizes ", "sizes 1 65537",
                            "sizes 1 -2", "sizes 1  2", "sizes 1 2 99999999999999999999"})
    EXPECT_FALSE(findings_from_text(with("sizes 1 2 8", sizes), kKey)) << sizes;
  std::string many = "sizes 1";
  for (int i = 2; i < 70; ++i) many += " " + std::to_string(i);
  EXPECT_FALSE(findings_from_text(with("sizes 1 2 8", many), kKey));
  EXPECT_FALSE(findings_from_text(with("any_size 1", "any_size 2"), kKey));
  EXPECT_FALSE(findings_from_text(with("single_ns 7000000", "single_ns -1"), kKey));
  EXPECT_FALSE(findings_from_text(with("single_ns 7000000", "single_ns 3600000000000"), kKey));
  EXPECT_FALSE(findings_from_text(with("batching 1", "batching 2"), kKey));
}

struct NobodyRuns final : LaneObserver {
  void on_lane_done(Lane&, const Status&) noexcept override {}
};

PartialShape rows_of_two(std::int64_t rows) {
  PartialShape shape = PartialShape::from({1, 2});
  shape.dims[0] = rows > 0 ? Dimension::fixed(rows) : Dimension::any();
  return shape;
}

// What one load came to.
struct Load {
  int runs = 0;
  std::vector<std::uint32_t> compiled;
  std::vector<std::uint32_t> sizes;
  bool any_size = false;
};

struct BatchNotesTest : ::testing::Test {
  // A model whose runs all take two milliseconds, so that batches pay. rows: extent of its batch dimension; 0: open.
  Load load(const std::string& key, BatchingOptions batching = {}, std::int64_t rows = 0,
            std::uint32_t lanes = 1) const {
    Load result;
    const auto make = [](std::int64_t extent) {
      return std::make_shared<test::FakeModel>(
          test::add_signature(rows_of_two(extent)),
          [](const std::vector<TensorView>& in, std::vector<Tensor>& out) -> Status {
            std::this_thread::sleep_for(milliseconds(2));
            return test::add_kernel(1)(in, out);
          });
    };
    const auto model = make(rows);
    ExecutorSpec spec;
    spec.model = model;
    spec.lanes = lanes;
    spec.compile_for_batch = [&](std::uint32_t items) -> Result<std::shared_ptr<CompiledModel>> {
      result.compiled.push_back(items);
      return std::shared_ptr<CompiledModel>(make(items));
    };
    spec.notes = std::make_shared<BatchNotes>(cache(), key, Log());
    batching.probe_limit = milliseconds(600);
    batching.max_items = std::min(batching.max_items, 4U);
    NobodyRuns observer;
    auto executor = Executor::create(std::move(spec), observer);
    EXPECT_TRUE(executor.ok());
    const Log log;
    EXPECT_TRUE(BatchProbe(**executor, observer, batching, log, "m").run().ok());
    result.runs = model->runs();
    result.sizes = (*executor)->sizes;
    result.any_size = (*executor)->any_size;
    return result;
  }
  [[nodiscard]] fs::path cache() const { return folder.path() / "cache"; }
  [[nodiscard]] std::vector<fs::path> notes() const {
    std::vector<fs::path> all;
    std::error_code error;
    for (fs::directory_iterator it(cache(), error), end; !error && it != end; it.increment(error))
      all.push_back(it->path());
    return all;
  }

  ocelli::testing::TemporaryFolder folder;
};

TEST_F(BatchNotesTest, ASecondLoadDecidesTheSameWithoutMeasuring) {
  const auto first = load("key");
  EXPECT_GT(first.runs, 10);
  EXPECT_GT(first.sizes.size(), 1U);
  EXPECT_EQ(notes().size(), 1U);
  const auto second = load("key");
  EXPECT_EQ(second.runs, 1) << "the first run of a request is slow, so it is made before a client waits for it";
  EXPECT_EQ(second.sizes, first.sizes);
  EXPECT_TRUE(second.any_size);
}

TEST_F(BatchNotesTest, OnlyTheFormsInUseAreCompiledAgain) {
  const auto first = load("key", {}, 1);
  EXPECT_EQ(first.compiled, (std::vector<std::uint32_t>{4, 2}));
  ASSERT_EQ(first.sizes.back(), 4U);
  const auto second = load("key", {}, 1);
  EXPECT_EQ(second.runs, 1);
  EXPECT_EQ(second.compiled.size(), second.sizes.size() - 1);
  EXPECT_EQ(second.sizes, first.sizes);
}

TEST_F(BatchNotesTest, ThatBatchingDoesNotPayIsKnownToo) {
  BatchingOptions never_pays;
  never_pays.least_gain = 1000;
  EXPECT_EQ(load("key", never_pays).sizes, std::vector<std::uint32_t>{1});
  const auto second = load("key", never_pays);
  EXPECT_EQ(second.sizes, std::vector<std::uint32_t>{1});
  EXPECT_EQ(second.runs, 1);
}

TEST_F(BatchNotesTest, AnotherModelOrOtherSettingsAreMeasured) {
  load("key");
  EXPECT_GT(load("another key").runs, 10);
  BatchingOptions other;
  other.max_items = 2;
  EXPECT_GT(load("key", other).runs, 10);
  EXPECT_GT(load("key", {}, 0, 2).runs, 10);
  EXPECT_EQ(notes().size(), 4U);
  EXPECT_EQ(load("key").runs, 1);
}

TEST_F(BatchNotesTest, WhatIsDamagedIsMeasuredAnewAndMended) {
  load("key");
  ASSERT_EQ(notes().size(), 1U);
  const auto path = notes().front();
  const auto text = *read_small_file(path, kMostFindingsText);
  for (const auto& bad : {std::string(), text.substr(0, text.size() / 2), std::string(100'000, 'x'), text + text}) {
    std::ofstream(path, std::ios::binary) << bad;
    EXPECT_GT(load("key").runs, 10);
    EXPECT_EQ(load("key").runs, 1);
  }
}

TEST_F(BatchNotesTest, AFolderThatCannotBeWrittenIsNoError) {
  // A file where the folder should be: that stops root too.
  std::ofstream(cache()) << "in the way";
  EXPECT_GT(load("key").sizes.size(), 1U);
  EXPECT_GT(load("key").runs, 10);
}

TEST_F(BatchNotesTest, FindingsThatDoNotFitTheModelAreMeasuredAnew) {
  load("key");
  const auto open = *read_small_file(notes().front(), kMostFindingsText);
  // The same key, but now the batch is fixed: the notes speak of a model that takes any number.
  const auto fixed = load("key", {}, 1);
  EXPECT_GT(fixed.runs, 3);
  EXPECT_FALSE(fixed.any_size);
  EXPECT_NE(*read_small_file(notes().front(), kMostFindingsText), open);
}

}  // namespace
}  // namespace ocelli::scheduling
