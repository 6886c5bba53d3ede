#include "inventory/elf_library.hpp"

#include <elf.h>
#include <fmt/format.h>

#include <cstring>
#include <optional>

#include "inventory/text_parts.hpp"

namespace ocelli::inventory {
namespace {

constexpr std::size_t kMaxSegments = 256;
constexpr std::size_t kMaxDynamic = 4096;  // entries
constexpr std::size_t kMaxNeeded = 256;
constexpr std::size_t kMaxName = 4096;

template <typename T>
std::optional<T> structure_at(const MachineFiles& files, std::string_view path, std::uint64_t offset) {
  const auto bytes = files.bytes(path, offset, sizeof(T));
  if (!bytes || bytes->size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes->data(), sizeof(T));
  return value;
}

template <typename T>
std::vector<T> table_at(const MachineFiles& files, std::string_view path, std::uint64_t offset, std::size_t count) {
  const auto bytes = files.bytes(path, offset, count * sizeof(T)).value_or("");
  std::vector<T> table(bytes.size() / sizeof(T));
  if (!table.empty()) std::memcpy(table.data(), bytes.data(), table.size() * sizeof(T));
  return table;
}

std::string architecture_name(std::uint16_t machine) {
  if (machine == EM_X86_64) return "x86_64";
  if (machine == EM_AARCH64) return "aarch64";
  return fmt::format("machine {}", machine);
}

std::optional<std::uint64_t> file_offset(const std::vector<Elf64_Phdr>& segments, std::uint64_t address) {
  for (const auto& segment : segments) {
    if (segment.p_type == PT_LOAD && address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_filesz)
      return segment.p_offset + (address - segment.p_vaddr);
  }
  return std::nullopt;
}

void read_dynamic(const MachineFiles& files, std::string_view path, const std::vector<Elf64_Phdr>& segments,
                  const Elf64_Phdr& dynamic, ElfLibrary& library) {
  const auto count = std::min<std::uint64_t>(kMaxDynamic, dynamic.p_filesz / sizeof(Elf64_Dyn));
  const auto entries = table_at<Elf64_Dyn>(files, path, dynamic.p_offset, count);
  std::optional<std::uint64_t> names;
  for (const auto& entry : entries) {
    if (entry.d_tag == DT_STRTAB) names = file_offset(segments, entry.d_un.d_ptr);
  }
  if (!names) return;
  const auto name_at = [&](std::uint64_t offset) {
    auto text = files.bytes(path, *names + offset, kMaxName).value_or("");
    text.resize(std::min(text.find('\0'), text.size()));
    return text;
  };
  for (const auto& entry : entries) {
    if (entry.d_tag == DT_NULL) break;
    if (entry.d_tag == DT_NEEDED && library.needed.size() < kMaxNeeded)
      library.needed.push_back(name_at(entry.d_un.d_val));
    if (entry.d_tag == DT_RUNPATH || entry.d_tag == DT_RPATH) {
      const auto folders = name_at(entry.d_un.d_val);
      for (const auto folder : split(folders, ':')) library.run_paths.emplace_back(folder);
    }
  }
}

}  // namespace

Result<ElfLibrary> read_elf_library(const MachineFiles& files, std::string_view path) {
  const auto header = structure_at<Elf64_Ehdr>(files, path, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
    return failed_precondition(fmt::format("{} is not a shared library", path));
  if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB)
    return failed_precondition(fmt::format("{} is not a 64-bit library", path));
  if (header->e_type != ET_DYN || header->e_phentsize != sizeof(Elf64_Phdr))
    return failed_precondition(fmt::format("{} is not a shared library", path));
  const std::size_t count = std::min<std::size_t>(header->e_phnum, kMaxSegments);
  const auto segments = table_at<Elf64_Phdr>(files, path, header->e_phoff, count);
  if (segments.size() < count) return failed_precondition(fmt::format("{} is cut off", path));
  const auto size = files.facts(path).size;
  ElfLibrary library;
  library.architecture = architecture_name(header->e_machine);
  for (const auto& segment : segments) {
    if (segment.p_type == PT_LOAD && (segment.p_offset > size || segment.p_filesz > size - segment.p_offset))
      return failed_precondition(fmt::format("{} is cut off", path));
    if (segment.p_type == PT_DYNAMIC) read_dynamic(files, path, segments, segment, library);
  }
  return library;
}

}  // namespace ocelli::inventory
