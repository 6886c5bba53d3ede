#include "repository/version_policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ocelli::repository {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = VersionPolicy::Kind;

TEST(VersionPolicy, DefaultServesTheHighest) {
  EXPECT_THAT(select_versions({}, {3, 10, 1}), ElementsAre(10));
  EXPECT_THAT(select_versions({}, {}), IsEmpty());
}

TEST(VersionPolicy, LatestAllAndSpecific) {
  EXPECT_THAT(select_versions({Kind::kLatest, 2, {}}, {3, 10, 1}), ElementsAre(3, 10));
  EXPECT_THAT(select_versions({Kind::kLatest, 9, {}}, {3, 10, 1}), ElementsAre(1, 3, 10));
  EXPECT_THAT(select_versions({Kind::kAll, 1, {}}, {3, 10, 1}), ElementsAre(1, 3, 10));
  EXPECT_THAT(select_versions({Kind::kSpecific, 1, {1, 4, 10}}, {3, 10, 1}), ElementsAre(1, 10));
}

std::string read(const std::string& json) {
  const auto policy = parse_version_policy(json);
  return policy.ok() ? to_string(*policy) : std::string(policy.status().message());
}

TEST(VersionPolicy, JsonForms) {
  EXPECT_EQ(read(R"({"all":{}})"), "all");
  EXPECT_EQ(read(R"({ "latest": { "num_versions": 2 } })"), "latest 2");
  EXPECT_EQ(read(R"({"latest":{}})"), "latest 1");
  EXPECT_EQ(read(R"({"specific":{"versions":[3,1,3]}})"), "specific 1,3");
}

TEST(VersionPolicy, MistakesAreNamed) {
  EXPECT_THAT(read("all"), HasSubstr("model_version_policy: not valid JSON"));
  EXPECT_THAT(read("[]"), HasSubstr("an object expected, not an array"));
  EXPECT_THAT(read("{}"), HasSubstr("exactly one of all, latest and specific expected"));
  EXPECT_THAT(read(R"({"all":{},"latest":{}})"), HasSubstr("exactly one of"));
  EXPECT_THAT(read(R"({"latest":{"num_versions":0}})"), HasSubstr("latest.num_versions: a whole number from 1"));
  EXPECT_THAT(read(R"({"specific":{}})"), HasSubstr("specific.versions: is missing"));
  EXPECT_THAT(read(R"({"specific":{"versions":[1,0]}})"),
              HasSubstr("specific.versions[1]: a whole number from 1 expected, not 0"));
  EXPECT_THAT(read(R"({"specific":{"versions":[18446744073709551615]}})"), HasSubstr("specific.versions[0]"));
  EXPECT_THAT(read(R"({"newest":{}})"), HasSubstr("newest: unknown key; known here are all, latest, specific"));
}

}  // namespace
}  // namespace ocelli::repository
