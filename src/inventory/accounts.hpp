// Accounts: users and groups as a machine's /etc/passwd and /etc/group name them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "inventory/machine_files.hpp"

namespace ocelli::inventory {

// Who is to use the devices. groups holds every group's number, the first one too.
struct User {
  std::string name;
  std::uint32_t uid = 0;
  std::vector<std::uint32_t> groups;

  // Whether one of the groups has this number.
  [[nodiscard]] bool is_in(std::uint32_t gid) const noexcept;
};

// Read once, at most 1 MiB of each file; lines that are not understood are passed over.
class Accounts {
 public:
  explicit Accounts(const MachineFiles& files);

  // The group's name; empty when the file names none.
  [[nodiscard]] std::string group_name(std::uint32_t gid) const;
  [[nodiscard]] std::optional<std::uint32_t> group_number(std::string_view name) const;
  [[nodiscard]] std::string user_name(std::uint32_t uid) const;
  // By name or by number; a number that the file does not know is a user without a name and in the group of the same
  // number. Empty for a name that does not exist.
  [[nodiscard]] std::optional<User> user(std::string_view name_or_number) const;

 private:
  struct Group {
    std::string name;
    std::uint32_t gid;
    std::vector<std::string> members;
  };
  struct Account {
    std::string name;
    std::uint32_t uid;
    std::uint32_t gid;
  };
  std::vector<Group> groups_;
  std::vector<Account> users_;
};

}  // namespace ocelli::inventory
