#include "server/descriptor_share.hpp"

#include <gtest/gtest.h>

namespace ocelli::server {
namespace {

constexpr DescriptorShare kWanted{10'000, 4096};

TEST(DescriptorShare, WhereTheLimitIsLargeNothingIsCut) {
  for (const std::uint64_t limit : {std::uint64_t{32'768}, std::uint64_t{524'288}, UINT64_MAX}) {
    const auto share = share_descriptors(limit, 2, kWanted);
    EXPECT_EQ(share.connections, 10'000U) << limit;
    EXPECT_EQ(share.regions, 4096U) << limit;
  }
}

TEST(DescriptorShare, ASmallLimitLeavesFilesForTheProgramItself) {
  for (const std::uint64_t limit : {std::uint64_t{300}, std::uint64_t{1024}, std::uint64_t{4096}}) {
    for (const std::uint32_t listeners : {1U, 2U}) {
      const auto share = share_descriptors(limit, listeners, kWanted);
      EXPECT_GE(share.connections, limit / 5) << limit << " over " << listeners;
      EXPECT_GE(share.regions, limit / 16) << limit;
      EXPECT_LE(share.connections * listeners + share.regions + 128, limit) << limit << " over " << listeners;
    }
  }
}

TEST(DescriptorShare, EvenATinyLimitLetsSomebodyIn) {
  const auto share = share_descriptors(32, 2, kWanted);
  EXPECT_EQ(share.connections, 1U);
  EXPECT_EQ(share.regions, 1U);
}

}  // namespace
}  // namespace ocelli::server
