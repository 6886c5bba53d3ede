#include "inventory/process_facts.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace ocelli::inventory {
namespace {

User current_user(const Accounts& names) {
  User user;
  user.uid = ::geteuid();
  user.name = names.user_name(user.uid);
  if (user.name.empty()) user.name = std::to_string(user.uid);
  user.groups = {::getegid()};
  const int count = ::getgroups(0, nullptr);
  std::vector<::gid_t> groups(count > 0 ? static_cast<std::size_t>(count) : 0);
  if (!groups.empty() && ::getgroups(count, groups.data()) == count) {
    for (const auto gid : groups) {
      if (!user.is_in(gid)) user.groups.push_back(gid);
    }
  }
  return user;
}

std::optional<DiskSpace> disk_space_of(const std::string& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) return std::nullopt;
  return DiskSpace{std::uint64_t{info.f_blocks} * info.f_frsize, std::uint64_t{info.f_bavail} * info.f_frsize};
}

int open_once(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (file < 0) return errno;
  ::close(file);
  return 0;
}

}  // namespace

std::optional<std::string> ProcessFacts::variable(const std::string& name) const {
  const auto found = environment.find(name);
  if (found == environment.end()) return std::nullopt;
  return found->second;
}

ProcessFacts ProcessFacts::current(const Accounts& names) {
  ProcessFacts facts;
  facts.user = current_user(names);
  for (char** entry = ::environ; entry && *entry; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) facts.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    facts.open_files_soft = files.rlim_cur;
    facts.open_files_hard = files.rlim_max;
  }
  utsname system{};
  if (::uname(&system) == 0) facts.architecture = system.machine;
  facts.disk_space = disk_space_of;
  facts.try_open = open_once;
  return facts;
}

}  // namespace ocelli::inventory
