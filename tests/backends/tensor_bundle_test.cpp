// The variables of a SavedModel before OpenVINO reads them, which crashes on an index that lost a few bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/tensor_bundle/bundle_check.hpp"
#include "repository/temporary_folder.hpp"
#include "support/bundle_index.hpp"

namespace ocelli::tensor_bundle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class TensorBundle : public ::testing::Test {
 protected:
  std::string check() { return check_bundle(folder_.path()).to_string(); }
  // Of the index alone, with one data file of 100 bytes.
  static std::string check(std::string_view index) {
    return check_bundle_index(
               index,
               [](std::uint64_t shard) { return shard == 0 ? std::optional<std::uintmax_t>(100) : std::nullopt; })
        .to_string();
  }

  test::TemporaryFolder folder_;
  const std::string index_ = test::bundle_index(1, {{"a", 0, 0, 60}, {"b", 0, 60, 40}});
};

TEST(Crc32c, IsThatOfTheStandard) { EXPECT_EQ(crc32c("123456789"), 0xE3069283); }

TEST_F(TensorBundle, WhatIsWholePasses) {
  EXPECT_EQ(check(), "OK") << "a model without variables";
  folder_.write("variables/variables.index", test::bundle_index(2, {{"a", 0, 0, 60}, {"b", 1, 8, 32}}));
  folder_.write("variables/variables.data-00000-of-00002", std::string(60, 'a'));
  folder_.write("variables/variables.data-00001-of-00002", std::string(40, 'b'));
  EXPECT_EQ(check(), "OK");
}

TEST_F(TensorBundle, WhatIsCutOffOrChangedIsTold) {
  ASSERT_EQ(check(index_), "OK");
  for (std::size_t size = 0; size < index_.size(); ++size) EXPECT_NE(check(index_.substr(0, size)), "OK") << size;
  for (std::size_t at = 0; at < index_.size(); ++at) {
    EXPECT_NE(check(std::string(index_).erase(at, 4)), "OK") << at;
    EXPECT_NE(check(std::string(index_).insert(at, "four")), "OK") << at;
  }
  const auto blocks = index_.size() - 48;
  for (std::size_t at = 0; at < blocks; ++at) {
    auto changed = index_;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    EXPECT_NE(check(changed), "OK") << at;
  }
}

TEST_F(TensorBundle, DataFilesHaveWhatTheIndexTells) {
  folder_.write("variables/variables.index", index_);
  EXPECT_THAT(check(),
              AllOf(HasSubstr("variables.index is broken"), HasSubstr("data file 0, of which it tells, is missing")));
  folder_.write("variables/variables.data-00000-of-00001", std::string(99, 'a'));
  EXPECT_THAT(check(), HasSubstr("it tells of 40 bytes at 60 in data file 0, which has 99"));
  folder_.write("variables/variables.data-00000-of-00001", std::string(100, 'a'));
  EXPECT_EQ(check(), "OK");
  EXPECT_THAT(check(test::bundle_index(1, {{"a", 0, ~std::uint64_t{0}, 60}})), HasSubstr("INTERNAL"));
  EXPECT_THAT(check(test::bundle_index(1, {{"a", 7, 0, 60}})), HasSubstr("data file 7, of which it tells, is missing"));
}

}  // namespace
}  // namespace ocelli::tensor_bundle
