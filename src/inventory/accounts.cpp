#include "inventory/accounts.hpp"

#include <algorithm>

#include "inventory/text_parts.hpp"

namespace ocelli::inventory {
namespace {

std::optional<std::uint32_t> id_number(std::string_view text) {
  const auto value = number(text);
  if (!value || *value > UINT32_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

}  // namespace

bool User::is_in(std::uint32_t gid) const noexcept {
  return std::find(groups.begin(), groups.end(), gid) != groups.end();
}

Accounts::Accounts(const MachineFiles& files) {
  const std::string groups = files.text("/etc/group").value_or("");
  for (const auto line : split(groups, '\n')) {
    const auto fields = split(line, ':');
    const auto gid = fields.size() >= 4 ? id_number(fields[2]) : std::nullopt;
    if (!gid) continue;
    Group group{std::string(fields[0]), *gid, {}};
    for (const auto member : split(fields[3], ',')) {
      if (!member.empty()) group.members.emplace_back(member);
    }
    groups_.push_back(std::move(group));
  }
  const std::string users = files.text("/etc/passwd").value_or("");
  for (const auto line : split(users, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() < 4) continue;
    const auto uid = id_number(fields[2]);
    const auto gid = id_number(fields[3]);
    if (uid && gid) users_.push_back({std::string(fields[0]), *uid, *gid});
  }
}

std::string Accounts::group_name(std::uint32_t gid) const {
  const auto found = std::find_if(groups_.begin(), groups_.end(), [&](const Group& group) { return group.gid == gid; });
  return found == groups_.end() ? "" : found->name;
}

std::optional<std::uint32_t> Accounts::group_number(std::string_view name) const {
  const auto found =
      std::find_if(groups_.begin(), groups_.end(), [&](const Group& group) { return group.name == name; });
  if (found == groups_.end()) return std::nullopt;
  return found->gid;
}

std::string Accounts::user_name(std::uint32_t uid) const {
  const auto found =
      std::find_if(users_.begin(), users_.end(), [&](const Account& account) { return account.uid == uid; });
  return found == users_.end() ? "" : found->name;
}

std::optional<User> Accounts::user(std::string_view name_or_number) const {
  const auto uid = id_number(name_or_number);
  const auto found = std::find_if(users_.begin(), users_.end(), [&](const Account& account) {
    return account.name == name_or_number || (uid && account.uid == *uid);
  });
  if (found == users_.end()) {
    if (!uid) return std::nullopt;
    return User{std::string(name_or_number), *uid, {*uid}};
  }
  User user{found->name, found->uid, {found->gid}};
  for (const auto& group : groups_) {
    const bool is_member = std::find(group.members.begin(), group.members.end(), user.name) != group.members.end();
    if (is_member && !user.is_in(group.gid)) user.groups.push_back(group.gid);
  }
  return user;
}

}  // namespace ocelli::inventory
