#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>

#include "inventory/checks/checks.hpp"
#include "inventory/remedy.hpp"
#include "inventory/size_text.hpp"
#include "inventory/text_parts.hpp"

namespace ocelli::inventory {
namespace {

// Immich's default models together (ViT-B-32, buffalo_l, text recognition) were seen to fail at 2 GiB and to run at 4.
constexpr std::uint64_t kComfortableMemory = 4 * kGiB;
constexpr std::uint64_t kLeastMemory = kGiB;
// One per connection, and some per model and device.
constexpr std::uint64_t kComfortableFiles = 4096;
constexpr std::uint64_t kLeastFiles = 256;
// One picture of 1080p as FP32 is 24 MiB; Docker's default of 64 MiB holds two.
constexpr std::uint64_t kComfortableShm = 256 * kMiB;

std::optional<std::uint64_t> meminfo(const std::string& text, std::string_view name) {
  for (const auto line : split(text, '\n')) {
    const auto parts = words(line);
    if (parts.size() < 2 || parts[0] != name) continue;
    const auto kib = number(parts[1]);
    if (kib) return *kib * 1024;
  }
  return std::nullopt;
}

// The smallest limit of the control groups that the process is in: version 2 and 1 name the file differently.
struct GroupLimit {
  std::uint64_t bytes = 0;
  std::string file;
};

void take_smaller(const MachineFiles& files, const std::string& file, std::optional<GroupLimit>& limit) {
  const auto value = number(files.line(file));  // "max" is no number
  // Version 1 says "no limit" with a number near 2^63.
  if (value && *value < (std::uint64_t{1} << 60U) && (!limit || *value < limit->bytes))
    limit = GroupLimit{*value, file};
}

std::optional<GroupLimit> memory_limit(const MachineFiles& files) {
  std::optional<GroupLimit> limit;
  const auto groups = files.text("/proc/self/cgroup", 65536).value_or("0::/\n");
  for (const auto line : split(groups, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() < 3) continue;
    const bool is_second = fields[1].empty();
    if (!is_second && !contains(fields[1], "memory")) continue;
    const std::string base = is_second ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    const char* name = is_second ? "memory.max" : "memory.limit_in_bytes";
    for (std::filesystem::path group(fields[2]);; group = group.parent_path()) {
      take_smaller(files, fmt::format("{}{}/{}", base, group == "/" ? "" : group.string(), name), limit);
      if (!group.has_relative_path()) break;
    }
  }
  return limit;
}

void check_memory(const Machine& machine, Section& section) {
  const auto text = machine.files.text("/proc/meminfo", 65536).value_or("");
  const auto total = meminfo(text, "MemTotal:");
  const auto available = meminfo(text, "MemAvailable:");
  if (!total || !available) {
    section.warning("memory", "/proc/meminfo cannot be read: memory is unknown", "sudo mount -t proc proc /proc");
    return;
  }
  const auto limit = memory_limit(machine.files);
  const auto usable = limit ? std::min(limit->bytes, *available) : *available;
  const std::string found = fmt::format(
      "{} of {} available{}", size_text(*available), size_text(*total),
      limit && limit->bytes < *total ? fmt::format(", limited to {} by {}", size_text(limit->bytes), limit->file) : "");
  const std::string remedy =
      limit && limit->bytes <= *available
          ? machine.either(
                on_host("docker update --memory 4g --memory-swap 4g CONTAINER"),
                fmt::format("sudo systemctl set-property --runtime {} MemoryMax=4G",
                            shell_word(std::filesystem::path(limit->file).parent_path().filename().string())))
          : "ps aux --sort=-rss | head   # stop what needs much memory, or use smaller models";
  if (usable < kLeastMemory) {
    section.problem("memory", found + ": less than 1 GiB, models will not load", remedy);
  } else if (usable < kComfortableMemory) {
    section.warning("memory", found + ": less than 4 GiB, several large models at once may be killed", remedy);
  } else {
    section.ok("memory", found);
  }
}

void check_open_files(const Machine& machine, Section& section) {
  const auto soft = machine.process.open_files_soft;
  const auto hard = machine.process.open_files_hard;
  if (hard == 0) return;
  const std::string found = fmt::format("{} (hard limit {})", soft, hard > kGiB ? "none" : std::to_string(hard));
  const std::string remedy = machine.either(
      container_with("--ulimit nofile=65536:65536"),
      fmt::format("echo '{} - nofile 65536' | sudo tee /etc/security/limits.d/ocelli.conf   # log in again; systemd: "
                  "LimitNOFILE=65536",
                  machine.process.user.name));
  if (hard < kLeastFiles) {
    section.problem("open_files", found + ": too few for a server", remedy);
  } else if (hard < kComfortableFiles) {
    section.warning("open_files", fmt::format("{}: about {} connections at most", found, hard - kLeastFiles / 4),
                    remedy);
  } else {
    section.ok("open_files", soft < hard ? found + ", which the server raises its own to" : found);
  }
}

// Value of size= among the options of a mount: "65536k". Empty when it is not given.
std::optional<std::uint64_t> mount_size(std::string_view options) {
  for (const auto option : split(options, ',')) {
    if (!option.starts_with("size=") || option.size() < 7) continue;
    const char unit = option.back();
    const bool has_unit = unit == 'k' || unit == 'm' || unit == 'g';
    const auto value = number(option.substr(5, option.size() - 5 - (has_unit ? 1 : 0)));
    if (value) return *value << (unit == 'k' ? 10U : unit == 'm' ? 20U : unit == 'g' ? 30U : 0U);
  }
  return std::nullopt;
}

void check_shared_memory(const Machine& machine, Section& section) {
  const auto mounts = machine.files.text("/proc/self/mounts").value_or("");
  bool is_mounted = false;
  std::optional<std::uint64_t> size;
  for (const auto line : split(mounts, '\n')) {
    const auto fields = words(line);
    if (fields.size() < 4 || fields[1] != "/dev/shm") continue;
    is_mounted = true;  // the last mount of a folder is the one that is seen
    size = mount_size(fields[3]);
  }
  const std::string remedy = machine.either(container_with("--shm-size 1g"), "sudo mount -o remount,size=1G /dev/shm");
  if (!is_mounted) {
    if (machine.files.facts("/dev/shm").kind == FileKind::kFolder) {
      section.ok("shared_memory", "/dev/shm is a folder of the file system below it");
    } else {
      section.warning("shared_memory", "/dev/shm is not there: clients cannot use shared memory",
                      machine.either(remedy, "sudo mkdir -p /dev/shm && sudo mount -t tmpfs tmpfs /dev/shm"));
    }
    return;
  }
  if (!size) {  // tmpfs without a size takes half of the memory
    const auto total = meminfo(machine.files.text("/proc/meminfo", 65536).value_or(""), "MemTotal:");
    section.ok("shared_memory", total ? fmt::format("/dev/shm has {}", size_text(*total / 2)) : "/dev/shm is mounted");
  } else if (*size < kComfortableShm) {
    section.warning(
        "shared_memory",
        fmt::format("/dev/shm has {}: too small for clients that pass pictures in shared memory", size_text(*size)),
        remedy);
  } else {
    section.ok("shared_memory", fmt::format("/dev/shm has {}", size_text(*size)));
  }
}

}  // namespace

void check_limits(const Machine& machine, Findings& findings) {
  Section section(Area::kLimits, findings);
  check_memory(machine, section);
  check_open_files(machine, section);
  check_shared_memory(machine, section);
}

}  // namespace ocelli::inventory
