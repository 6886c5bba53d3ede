#include <fmt/format.h>

#include <string>

#include "inventory/checks/checks.hpp"
#include "inventory/remedy.hpp"
#include "inventory/size_text.hpp"

namespace ocelli::inventory {
namespace {

// A compiled ResNet-50 takes about 50 MiB, the default models of a photo library about 2 GiB.
constexpr std::uint64_t kComfortableDisk = 5 * kGiB;
constexpr std::uint64_t kLeastDisk = 512 * kMiB;

bool may_write(const FileFacts& folder, const User& user) {
  if (user.uid == 0) return true;
  const std::uint32_t bits = folder.uid == user.uid   ? folder.mode >> 6U
                             : user.is_in(folder.gid) ? folder.mode >> 3U
                                                      : folder.mode;
  return (bits & 3U) == 3U;  // write and enter
}

// The nearest folder above that is there.
std::string existing_parent(const MachineFiles& files, const std::string& path) {
  std::filesystem::path folder(path);
  while (folder.has_relative_path() && files.facts(folder.string()).kind != FileKind::kFolder)
    folder = folder.parent_path();
  return folder.string();
}

// check: "model_server_cache"; purpose: what lies there; is_optional: without the folder all works, but slower.
void check_folder(const Machine& machine, Section& section, const std::string& check, const std::string& path,
                  std::string_view purpose, bool is_optional) {
  const auto& user = machine.process.user;
  const auto facts = machine.files.facts(path);
  const std::string word = shell_word(path);
  const std::string make = machine.either(container_with(fmt::format("-v NAME:{}", word)),
                                          fmt::format("sudo install -d -o {} {}", user.name, word));
  if (facts.kind == FileKind::kAbsent) {
    if (is_optional) {
      section.absent(check, fmt::format("{} is not there: {} are not kept", path, purpose), make);
    } else {
      section.warning(check, fmt::format("{} is not there, {} need it", path, purpose), make);
    }
    return;
  }
  if (facts.kind != FileKind::kFolder) {
    section.problem(check, fmt::format("{} is not a folder", path),
                    fmt::format("sudo mv {0} {0}.old && {1}", word, make));
    return;
  }
  if (!may_write(facts, user)) {
    section.problem(check, fmt::format("{} may not be written by user {}", path, user.name),
                    fmt::format("sudo chown -R {} {}", user.name, word));
    return;
  }
  const auto space = machine.process.disk_space
                         ? machine.process.disk_space(machine.files.host_path(existing_parent(machine.files, path)))
                         : std::nullopt;
  if (!space) {
    section.ok(check, fmt::format("{} is there and may be written", path));
    return;
  }
  const std::string found = fmt::format("{} has {} free", path, size_text(space->available));
  const std::string remedy =
      fmt::format("df -h {} && du -xsh {}/*   # make room, or put the cache elsewhere", word, word);
  if (space->available < kLeastDisk) {
    section.problem(check, found + fmt::format(": not enough for {}", purpose), remedy);
  } else if (space->available < kComfortableDisk) {
    section.warning(check, found + fmt::format(": little for {}", purpose), remedy);
  } else {
    section.ok(check, found);
  }
}

}  // namespace

void check_disk(const Machine& machine, Findings& findings) {
  Section section(Area::kDisk, findings);
  check_folder(machine, section, "model_server_cache", "/opt/cache", "compiled models", true);
  const auto immich = machine.process.variable("MACHINE_LEARNING_CACHE_FOLDER");
  check_folder(machine, section, "immich_cache", immich && immich->starts_with('/') ? *immich : "/cache",
               "downloaded models", !immich.has_value());
  const auto cuda = machine.process.variable("CUDA_CACHE_PATH");
  if (cuda && cuda->starts_with('/'))
    check_folder(machine, section, "cuda_cache", *cuda, "compiled CUDA kernels", true);
}

}  // namespace ocelli::inventory
