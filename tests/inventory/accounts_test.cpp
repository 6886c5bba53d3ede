#include "inventory/accounts.hpp"

#include <gtest/gtest.h>

#include <string>

#include "inventory/machine_tree.hpp"

namespace ocelli::inventory {
namespace {

TEST(Accounts, ReadsUsersAndTheirGroups) {
  MachineTree tree;
  tree.text("/etc/group", "root:x:0:\nvideo:x:44:immich,other\nrender:x:105:immich\nbroken line\nbad:x:ten:\n");
  const Accounts accounts{MachineFiles(tree.root())};
  EXPECT_EQ(accounts.group_name(105), "render");
  EXPECT_EQ(accounts.group_name(106), "");
  EXPECT_EQ(accounts.group_number("video"), 44U);
  EXPECT_FALSE(accounts.group_number("bad").has_value());
  const auto user = accounts.user("immich");
  ASSERT_TRUE(user.has_value());
  EXPECT_EQ(user->uid, 64001U);
  EXPECT_EQ(user->groups, (std::vector<std::uint32_t>{64001, 44, 105}));
  EXPECT_TRUE(user->is_in(44));
  EXPECT_FALSE(user->is_in(0));
}

TEST(Accounts, TakesNumbersOfContainersThatNobodyNamed) {
  MachineTree tree;
  const Accounts accounts{MachineFiles(tree.root())};
  EXPECT_EQ(accounts.user("0")->name, "root");
  EXPECT_EQ(accounts.user("1000")->uid, 1000U);
  EXPECT_EQ(accounts.user("1000")->name, "1000");
  EXPECT_FALSE(accounts.user("nobody-there").has_value());
  EXPECT_FALSE(accounts.user("-5").has_value());
  EXPECT_FALSE(accounts.user("99999999999").has_value());
}

}  // namespace
}  // namespace ocelli::inventory
