// Whether a remedy can be typed: a shell takes it, and what it starts are programs that exist.
#pragma once

#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "inventory/text_parts.hpp"

namespace ocelli::inventory {

// Programs of the systems that remedies are for. Those whose names are English verbs as well count as root's only.
inline bool is_known_command(std::string_view word, bool is_root) {
  static const std::set<std::string_view> kRoots{"apt-get",    "cat",      "chgrp",      "chmod",          "chown",
                                                 "cp",         "dmesg",    "dpkg",       "find",           "groupadd",
                                                 "install",    "ldconfig", "ln",         "mkdir",          "modprobe",
                                                 "mount",      "mv",       "reboot",     "rmdir",          "sh",
                                                 "systemctl",  "tar",      "tee",        "udevadm",        "usermod",
                                                 "nvidia-ctk", "ocelli",   "./setup.sh", "nvidia-modprobe"};
  static const std::set<std::string_view> kUsers{"cd",     "cmake", "df",         "docker",
                                                 "du",     "echo",  "export",     "head",
                                                 "ls",     "ps",    "ocelli",     "qm",
                                                 "source", "stat",  "tail",       "tools/setup/setup",
                                                 "unset",  "wget",  "nvidia-smi", "${HDDL_INSTALL_DIR}/bin/hddldaemon",
                                                 "wsl.exe"};
  if (is_root && word.starts_with('/') && word.ends_with(".sh")) return true;
  return is_root ? kRoots.contains(word) : kUsers.contains(word);
}

// The simple commands of a line, without its comment: cut at && || | & $( ), but not inside quotes.
inline std::vector<std::string> simple_commands(const std::string& line) {
  std::vector<std::string> commands(1);
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote == 0 && c == '\\') {
      ++i;  // what it escapes
      continue;
    }
    if (quote == 0 && c == '#' && i > 0 && line[i - 1] == ' ') break;
    if (quote == c) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    }
    const bool is_group = c == '$' && i + 1 < line.size() && line[i + 1] == '(';
    if (quote == 0 && (c == '&' || c == '|' || c == ';' || is_group)) {
      commands.emplace_back();
      if (is_group) ++i;
    } else {
      commands.back() += c;
    }
  }
  return commands;
}

// "bash -n" of the remedy; true where there is no bash.
inline bool is_taken_by_shell(const std::string& remedy) {
  std::string text = remedy;
  std::array<char*, 5> arguments{const_cast<char*>("bash"), const_cast<char*>("-n"), const_cast<char*>("-c"),
                                 text.data(), nullptr};
  ::pid_t child = 0;
  if (::posix_spawnp(&child, "bash", nullptr, nullptr, arguments.data(), environ) != 0) return true;
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// Why the remedy cannot be typed; empty when it can, or when there is none.
inline std::string typing_fault(const std::string& remedy) {
  static std::set<std::string> good;
  if (remedy.empty() || good.contains(remedy)) return "";
  for (const auto& command : simple_commands(remedy)) {
    auto parts = words(command);
    const bool is_root = !parts.empty() && parts.front() == "sudo";
    if (is_root) {
      parts.erase(parts.begin());
      if (!parts.empty() && parts.front() == "-u" && parts.size() > 2) parts.erase(parts.begin(), parts.begin() + 2);
    }
    if (!parts.empty() && !is_known_command(parts.front(), is_root)) return "no command: " + std::string(parts.front());
  }
  if (!is_taken_by_shell(remedy)) return "a shell does not take it";
  good.insert(remedy);
  return "";
}

}  // namespace ocelli::inventory
