#include "inventory/library_search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "inventory/elf_library.hpp"
#include "inventory/text_parts.hpp"

namespace ocelli::inventory {
namespace {

constexpr std::size_t kMaxFolders = 256;
constexpr int kMaxIncludes = 4;  // ld.so.conf files inside one another
constexpr int kMaxDepth = 16;    // libraries that need libraries
constexpr std::size_t kMaxLibraries = 256;

// Every system that can run this program has these.
constexpr std::array<std::string_view, 9> kSystemLibraries{"libc.so",       "libm.so",  "libdl.so",
                                                           "libpthread.so", "librt.so", "libstdc++.so",
                                                           "libgcc_s.so",   "ld-linux", "linux-vdso"};

bool is_system_library(std::string_view name) {
  return std::any_of(kSystemLibraries.begin(), kSystemLibraries.end(),
                     [&](std::string_view known) { return name.starts_with(known); });
}

void add_folder(std::vector<std::string>& folders, std::string_view folder) {
  if (!folder.starts_with('/') || folders.size() >= kMaxFolders) return;
  if (std::find(folders.begin(), folders.end(), folder) == folders.end()) folders.emplace_back(folder);
}

// One file of ld.so.conf: folders, and "include PATTERN" with a star in the last part at most.
void read_loader_file(const MachineFiles& files, const std::string& path, std::vector<std::string>& folders,
                      int depth) {
  if (depth > kMaxIncludes) return;
  const auto text = files.text(path, 65536).value_or("");
  for (const auto raw : split(text, '\n')) {
    const auto parts = words(raw.substr(0, raw.find('#')));
    if (parts.empty()) continue;
    if (parts[0] != "include") {
      add_folder(folders, parts[0]);
      continue;
    }
    for (std::size_t i = 1; i < parts.size(); ++i) {
      const std::filesystem::path pattern(parts[i].starts_with('/') ? std::string(parts[i])
                                                                    : "/etc/" + std::string(parts[i]));
      const std::string last = pattern.filename();
      const auto star = last.find('*');
      for (const auto& name : files.names(pattern.parent_path().string())) {
        const bool is_match = star == std::string::npos
                                  ? name == last
                                  : name.size() + 1 >= last.size() && name.starts_with(last.substr(0, star)) &&
                                        name.ends_with(last.substr(star + 1));
        if (is_match) read_loader_file(files, pattern.parent_path() / name, folders, depth + 1);
      }
    }
  }
}

// "libx.so.10" after "libx.so.9".
bool version_less(const std::string& left, const std::string& right) {
  return left.size() != right.size() ? left.size() < right.size() : left < right;
}

}  // namespace

LibrarySearch::LibrarySearch(MachineFiles files, std::string_view library_path, std::string architecture)
    : files_(std::move(files)), architecture_(std::move(architecture)) {
  for (const auto folder : split(library_path, ':')) add_folder(folders_, folder);
  read_loader_file(files_, "/etc/ld.so.conf", folders_, 0);
  const std::string triplet = architecture_ + "-linux-gnu";
  for (const std::string& folder :
       {"/lib/" + triplet, "/usr/lib/" + triplet, std::string("/lib"), std::string("/usr/lib"), std::string("/lib64"),
        std::string("/usr/lib64"), std::string("/usr/local/lib")}) {
    add_folder(folders_, folder);
  }
}

LibrarySearch LibrarySearch::with_folders(const std::vector<std::string>& more) const {
  LibrarySearch result = *this;
  for (const auto& folder : more) add_folder(result.folders_, folder);
  return result;
}

std::string LibrarySearch::locate(std::string_view name, const std::vector<std::string>& first) const {
  if (name.starts_with('/')) return files_.exists(name) ? std::string(name) : "";
  for (const auto* list : {&first, &folders_}) {
    for (const auto& folder : *list) {
      auto path = fmt::format("{}/{}", folder, name);
      if (files_.exists(path)) return path;
    }
  }
  return "";
}

std::string LibrarySearch::problem_of(const std::string& path, std::set<std::string>& seen, int depth) const {
  if (depth > kMaxDepth || seen.size() >= kMaxLibraries || !seen.insert(path).second) return "";
  const auto kind = files_.facts(path).kind;
  if (kind == FileKind::kFolder)
    return "is a folder; Docker makes one when the file to be mounted is not there on the host";
  if (kind != FileKind::kFile) return "cannot be read";
  const auto library = read_elf_library(files_, path);
  if (!library.ok()) return std::string(library.status().message().substr(path.size() + 1));
  if (!architecture_.empty() && library->architecture != architecture_)
    return fmt::format("is for {}, this machine is {}", library->architecture, architecture_);
  std::vector<std::string> own_folders;
  const std::string origin = std::filesystem::path(files_.real_path(path)).parent_path();
  for (const auto& folder : library->run_paths) {
    const bool is_relative = folder.starts_with("$ORIGIN");
    own_folders.push_back(is_relative ? origin + folder.substr(7) : folder);
  }
  for (const auto& name : library->needed) {
    if (is_system_library(name)) continue;
    const auto where = locate(name, own_folders);
    if (where.empty()) return fmt::format("needs {}, which is nowhere", name);
    if (const auto problem = problem_of(where, seen, depth + 1); !problem.empty())
      return depth == 0 ? fmt::format("needs {}, which {}", where, problem) : problem;
  }
  return "";
}

FoundLibrary LibrarySearch::find(std::string_view name) const {
  FoundLibrary found{locate(name, {}), ""};
  std::set<std::string> seen;
  if (!found.path.empty()) found.problem = problem_of(found.path, seen, 0);
  return found;
}

FoundLibrary LibrarySearch::find_any(std::string_view prefix) const {
  for (const auto& folder : folders_) {
    std::string best;
    for (const auto& name : files_.names(folder)) {
      if (name.starts_with(prefix) && (best.empty() || version_less(best, name))) best = name;
    }
    if (!best.empty()) return find(fmt::format("{}/{}", folder, best));
  }
  return {};
}

}  // namespace ocelli::inventory
