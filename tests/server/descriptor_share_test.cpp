#include "server/descriptor_share.hpp"

#include <gtest/gtest.h>

namespace ocelli::server {
namespace {

constexpr DescriptorShare kWanted{20'000, 4096};

TEST(DescriptorShare, WhereTheLimitIsLargeNothingIsCut) {
  for (const std::uint64_t limit : {std::uint64_t{32'768}, std::uint64_t{524'288}, UINT64_MAX}) {
    const auto share = share_descriptors(limit, kWanted);
    EXPECT_EQ(share.connections, 20'000U) << limit;
    EXPECT_EQ(share.regions, 4096U) << limit;
  }
}

TEST(DescriptorShare, ASmallLimitLeavesFilesForTheProgramItself) {
  for (const std::uint64_t limit : {300U, 1024U, 4096U, 20'000U}) {
    const auto share = share_descriptors(limit, kWanted);
    EXPECT_GE(share.connections, limit * 2 / 5) << limit;
    EXPECT_GE(share.regions, limit / 16) << limit;
    EXPECT_LE(share.connections + share.regions + 128, limit) << limit;
  }
}

TEST(DescriptorShare, EvenATinyLimitLetsSomebodyIn) {
  const auto share = share_descriptors(32, kWanted);
  EXPECT_EQ(share.connections, 1U);
  EXPECT_EQ(share.regions, 1U);
}

}  // namespace
}  // namespace ocelli::server
