#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <set>
#include <string>
#include <vector>

#include "inventory/checks/checks.hpp"
#include "inventory/text_parts.hpp"
#include "runtime/host_processor.hpp"

namespace ocelli::inventory {
namespace {

// An instruction set as people call it, and the flags of /proc/cpuinfo that mean it.
struct InstructionSet {
  std::string_view name;
  std::string_view flag;
  std::string_view other_flag{};
};

constexpr std::array kX86Sets{
    InstructionSet{"SSE4.2", "sse4_2"},    InstructionSet{"AVX", "avx"},
    InstructionSet{"AVX2", "avx2"},        InstructionSet{"FMA", "fma"},
    InstructionSet{"AVX-512", "avx512f"},  InstructionSet{"VNNI", "avx512_vnni", "avx_vnni"},
    InstructionSet{"BF16", "avx512_bf16"}, InstructionSet{"FP16", "avx512_fp16"},
    InstructionSet{"AMX", "amx_tile"},
};
constexpr std::array kArmSets{
    InstructionSet{"NEON", "asimd", "neon"}, InstructionSet{"dotprod", "asimddp"}, InstructionSet{"FP16", "asimdhp"},
    InstructionSet{"I8MM", "i8mm"},          InstructionSet{"BF16", "bf16"},       InstructionSet{"SVE", "sve"},
};

// What the first processor of /proc/cpuinfo says of itself, and how many there are.
struct CpuText {
  std::string model;
  std::set<std::string, std::less<>> flags;
  std::size_t count = 0;
};

CpuText read_cpus(const MachineFiles& files) {
  CpuText cpu;
  const auto text = files.text("/proc/cpuinfo").value_or("");
  cpu.model = processor_name(text, files.text("/proc/device-tree/model", 4096).value_or(""));
  for (const auto line : split(text, '\n')) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const auto value = line.substr(colon + 1);
    if (line.starts_with("processor")) ++cpu.count;
    if (cpu.flags.empty() && (line.starts_with("flags") || line.starts_with("Features"))) {
      for (const auto flag : words(value)) cpu.flags.emplace(flag);
    }
  }
  return cpu;
}

template <typename Sets>
std::vector<std::string_view> present(const Sets& sets, const CpuText& cpu) {
  std::vector<std::string_view> names;
  for (const InstructionSet& set : sets) {
    if (cpu.flags.contains(set.flag) || cpu.flags.contains(set.other_flag)) names.push_back(set.name);
  }
  return names;
}

void check_x86(const CpuText& cpu, Section& section) {
  const auto have = fmt::format("{}", fmt::join(present(kX86Sets, cpu), " "));
  // An emulated processor shows fewer instructions than the one below it; no command makes an old one newer.
  const bool is_virtual = cpu.flags.contains("hypervisor");
  const std::string remedy = is_virtual
                                 ? "qm set VMID --cpu host   # where the virtual machine is run; without Proxmox: "
                                   "QEMU -cpu host, libvirt <cpu mode='host-passthrough'/>"
                                 : "";
  const std::string why = is_virtual ? "the virtual machine does not show the host's processor"
                                     : "this processor is too old, another machine or an accelerator helps";
  if (!cpu.flags.contains("sse4_2")) {
    section.problem("instructions",
                    fmt::format("no SSE4.2: the runtimes stop with an illegal instruction (exit code 132); {}", why),
                    remedy);
  } else if (!cpu.flags.contains("avx2")) {
    section.warning("instructions", fmt::format("{}, but no AVX2: models run several times slower; {}", have, why),
                    remedy);
  } else {
    section.ok("instructions", have);
  }
}

}  // namespace

void check_cpu(const Machine& machine, Findings& findings) {
  Section section(Area::kCpu, findings);
  const auto cpu = read_cpus(machine.files);
  if (cpu.count == 0 || cpu.flags.empty()) {
    section.warning("model", "/proc/cpuinfo cannot be read: instruction sets are unknown",
                    "sudo mount -t proc proc /proc");
    return;
  }
  section.ok("model", fmt::format("{}, {} processor{}", cpu.model.empty() ? machine.process.architecture : cpu.model,
                                  cpu.count, cpu.count == 1 ? "" : "s"));
  if (machine.process.architecture == "x86_64") return check_x86(cpu, section);
  const auto have = present(kArmSets, cpu);
  if (have.empty() || have.front() != "NEON") {
    section.problem("instructions", "no NEON: the runtimes cannot run; a 64-bit system is needed", "");
  } else {
    section.ok("instructions", fmt::format("{}", fmt::join(have, " ")));
  }
}

}  // namespace ocelli::inventory
