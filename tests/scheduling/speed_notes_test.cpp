// How fast a model was is kept in the cache folder, and believed only when nothing has changed.
#include "scheduling/speed_notes.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>

#include "support/backend_fixture.hpp"

namespace ocelli::scheduling {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kKey = "model 1";
const DeviceSpeed kSpeed{123.5, std::chrono::microseconds(8100)};

TEST(SpeedNotes, AreReadAsTheyWereWritten) {
  const auto text = SpeedNoteForm::to_text(kSpeed, kKey);
  EXPECT_LE(text.size(), SpeedNoteForm::kMostBytes);
  EXPECT_EQ(SpeedNoteForm::from_text(text, kKey), kSpeed);
  EXPECT_FALSE(SpeedNoteForm::from_text(text, "model 2"));
}

TEST(SpeedNotes, AnyChangedOrMissingByteIsNoticed) {
  const auto text = SpeedNoteForm::to_text(kSpeed, kKey);
  for (std::size_t i = 0; i < text.size(); ++i) {
    EXPECT_FALSE(SpeedNoteForm::from_text(text.substr(0, i), kKey)) << i;
    auto changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(SpeedNoteForm::from_text(changed, kKey)) << i;
  }
  EXPECT_FALSE(SpeedNoteForm::from_text(text + "x", kKey));
}

// With the digest made right again, so that the values themselves are judged.
TEST(SpeedNotes, ImpossibleValuesAreRefused) {
  const auto text = SpeedNoteForm::to_text(kSpeed, kKey);
  const auto with = [&](const std::string& from, const std::string& to) {
    auto body = text.substr(0, text.rfind("digest "));
    body.replace(body.find(from), from.size(), to);
    return body + "digest " + digest_of(body) + "\n";
  };
  EXPECT_TRUE(SpeedNoteForm::from_text(with("_s 123500", "_s 1"), kKey));
  for (const char* runs : {"_s 0", "_s -1", "_s ", "_s 1.5", "_s 1 ", "_s nan", "_s 99999999999999999999"})
    EXPECT_FALSE(SpeedNoteForm::from_text(with("_s 123500", runs), kKey)) << runs;
  EXPECT_FALSE(SpeedNoteForm::from_text(with("_ns 8100000", "_ns 3600000000001"), kKey));
}

TEST(SpeedNotes, WhatDoesNotFitIsClamped) {
  const DeviceSpeed extreme{std::numeric_limits<double>::infinity(), std::chrono::hours(10)};
  EXPECT_TRUE(SpeedNoteForm::from_text(SpeedNoteForm::to_text(extreme, kKey), kKey));
}

TEST(SpeedNotes, SurviveInTheFolderAndDamageIsNoError) {
  const ocelli::testing::TemporaryFolder folder;
  const SpeedNotes notes(folder.path(), std::string(kKey), Log());
  EXPECT_FALSE(notes.find(""));
  notes.keep("", kSpeed);
  EXPECT_EQ(SpeedNotes(folder.path(), std::string(kKey), Log()).find(""), kSpeed);
  EXPECT_FALSE(SpeedNotes(folder.path(), "model 2", Log()).find(""));
  for (const auto& file : fs::directory_iterator(folder.path())) std::ofstream(file.path()) << "damaged";
  EXPECT_FALSE(notes.find(""));
  SpeedNotes("/proc/no/such/folder", "k", Log()).keep("", kSpeed);
}

}  // namespace
}  // namespace ocelli::scheduling
