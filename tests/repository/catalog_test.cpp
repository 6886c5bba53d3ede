// What the catalog remembers.
#include "repository/catalog.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>

#include "repository/fake_factory.hpp"

namespace ocelli::repository {
namespace {

using serving::VersionState;

TEST(Catalog, NamesThatNobodyWantsAreForgottenBeyondALimit) {
  Catalog catalog(Log(std::make_shared<test::LineSink>(), "test"));
  constexpr std::size_t kMore = 3;
  for (std::size_t i = 0; i < Catalog::kMaxEndedModels + kMore; ++i)
    catalog.set_state(fmt::format("m{}", i), 1, VersionState::kEnd);
  catalog.set_state("loading", 1, VersionState::kLoading);
  catalog.set_state("m0", 1, VersionState::kEnd);  // again: it is the latest now
  catalog.add("never");
  const auto listed = [&](const std::string& name) { return catalog.status(name, std::nullopt).ok(); };

  catalog.keep({"m1"});
  EXPECT_EQ(catalog.all_statuses().size(), Catalog::kMaxEndedModels + 2) << "with m1 and the one that is loading";
  EXPECT_TRUE(listed("m0"));
  EXPECT_TRUE(listed("m1"));
  EXPECT_FALSE(listed("m2"));
  EXPECT_FALSE(listed("m3"));
  EXPECT_TRUE(listed("m4"));
  EXPECT_TRUE(listed("loading"));
  EXPECT_FALSE(listed("never"));
}

}  // namespace
}  // namespace ocelli::repository
