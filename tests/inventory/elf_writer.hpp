// The smallest shared library: headers and a dynamic section, nothing to run.
#pragma once

#include <elf.h>

#include <cstring>
#include <string>
#include <vector>

namespace ocelli::inventory {

// Bytes of a 64-bit library for "x86_64" or "aarch64" that needs others by name and looks for them in run_path.
inline std::string elf_library_bytes(const std::string& architecture, const std::vector<std::string>& needed,
                                     const std::string& run_path = "") {
  std::string names(1, '\0');
  std::vector<Elf64_Dyn> dynamic;
  const auto add = [&](Elf64_Sxword tag, const std::string& name) {
    Elf64_Dyn entry{};
    entry.d_tag = tag;
    entry.d_un.d_val = names.size();
    dynamic.push_back(entry);
    names += name + '\0';
  };
  for (const auto& name : needed) add(DT_NEEDED, name);
  if (!run_path.empty()) add(DT_RUNPATH, run_path);
  const std::size_t head = sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr);
  Elf64_Dyn strings{};
  strings.d_tag = DT_STRTAB;
  strings.d_un.d_ptr = head + (dynamic.size() + 2) * sizeof(Elf64_Dyn);
  dynamic.push_back(strings);
  dynamic.push_back({});
  const std::size_t size = head + dynamic.size() * sizeof(Elf64_Dyn) + names.size();

  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = ET_DYN;
  header.e_machine = architecture == "aarch64" ? EM_AARCH64 : EM_X86_64;
  header.e_phoff = sizeof(Elf64_Ehdr);
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 2;
  Elf64_Phdr segments[2]{};
  segments[0].p_type = PT_LOAD;
  segments[0].p_filesz = size;
  segments[1].p_type = PT_DYNAMIC;
  segments[1].p_offset = head;
  segments[1].p_filesz = dynamic.size() * sizeof(Elf64_Dyn);

  std::string bytes(reinterpret_cast<const char*>(&header), sizeof(header));
  bytes.append(reinterpret_cast<const char*>(segments), sizeof(segments));
  bytes.append(reinterpret_cast<const char*>(dynamic.data()), dynamic.size() * sizeof(Elf64_Dyn));
  return bytes + names;
}

}  // namespace ocelli::inventory
