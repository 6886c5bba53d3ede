#include "inventory/compute_capability.hpp"

#include <array>

namespace ocelli::inventory {
namespace {

// NVIDIA gives each chip a range of device numbers. The ranges are those of the PCI ID database (pci.ids, vendor 10de),
// the capabilities those of NVIDIA's list "CUDA GPU Compute Capability". Older chips than any library has code for, and
// newer ones than this table, are not told apart.
struct Range {
  std::uint32_t first;
  std::uint32_t at_least;
  const char* text;
};
constexpr std::array kRanges{
    Range{0x0001, 10, "5.0 or older (Maxwell GM10x, Kepler, Fermi)"},
    Range{0x13c0, 52, "5.2 (Maxwell)"},  // GM204, GM206
    Range{0x15c0, 60, "6.0 (Pascal)"},   // GP100
    Range{0x1600, 52, "5.2 (Maxwell)"},  // GM204 of laptops
    Range{0x1700, 60, "6.0 (Pascal)"},   // GP100
    Range{0x1740, 50, "5.0 (Maxwell)"},  // GM107, GM108 of laptops
    Range{0x17c0, 52, "5.2 (Maxwell)"},  // GM200
    Range{0x1b00, 61, "6.1 (Pascal)"},   // GP102 to GP108
    Range{0x1d80, 70, "7.0 (Volta)"},    // GV100
    Range{0x1e00, 75, "7.5 (Turing)"},   // TU102 to TU117
    Range{0x2080, 80, "8.0 (Ampere)"},   // GA100
    Range{0x2100, 75, "7.5 (Turing)"},   // TU116
    Range{0x2200, 86, "8.6 (Ampere)"},   // GA102
    Range{0x2300, 90, "9.0 (Hopper)"},   // GH100
    Range{0x2400, 86, "8.6 (Ampere)"},   // GA103 to GA107
    Range{0x2600, 89, "8.9 (Ada)"},      // AD102 to AD107
    Range{0x2900, 100, "10.0 or newer (Blackwell or newer)"},
};

// Parts of names that one generation alone has. "GTX 9" is not here: laptops' GTX 950M and 960M are of the one before.
struct Name {
  const char* part;
  std::uint32_t at_least;
  const char* text;
  bool is_whole = false;  // no digit follows: the A1000 is another than the A100
};
// The first that fits counts: of "RTX 30" only the GeForce are Ampere's, a Quadro RTX 3000 is Turing's.
constexpr std::array kNames{
    Name{"GTX 10", 61, "6.1 (Pascal)"},
    Name{"Tesla P4", 61, "6.1 (Pascal)"},
    Name{"Quadro P", 60, "6.x (Pascal)"},
    Name{"P100", 60, "6.0 (Pascal)", true},
    Name{"V100", 70, "7.0 (Volta)", true},
    Name{"TITAN V", 70, "7.0 (Volta)"},
    Name{"GTX 16", 75, "7.5 (Turing)"},
    Name{"RTX 20", 75, "7.5 or newer"},
    Name{"Tesla T4", 75, "7.5 (Turing)"},
    Name{"GeForce RTX 30", 86, "8.6 (Ampere)"},
    Name{"RTX 30", 75, "7.5 or newer"},
    Name{"RTX 40", 75, "7.5 or newer"},
    Name{"RTX 50", 75, "7.5 or newer"},
    Name{"A100", 80, "8.0 (Ampere)", true},
    Name{"H100", 90, "9.0 (Hopper)", true},
    Name{"H200", 90, "9.0 (Hopper)", true},
    Name{" L4", 89, "8.9 (Ada)"},
    Name{"Ada Generation", 89, "8.9 (Ada)"},
    Name{"B200", 100, "10.0 (Blackwell)", true},
};

constexpr std::array kChips{
    Name{"tegra210", 53, "5.3 (Maxwell)"},     Name{"tegra186", 62, "6.2 (Pascal)"},
    Name{"tegra194", 72, "7.2 (Volta)"},       Name{"tegra234", 87, "8.7 (Ampere)"},
    Name{"tegra264", 110, "11.0 (Blackwell)"},
};

bool fits(const Name& name, std::string_view text) {
  const std::string_view part = name.part;
  const auto at = text.find(part);
  if (at == std::string_view::npos) return false;
  const auto rest = text.substr(at + part.size());
  return !name.is_whole || rest.empty() || rest.front() < '0' || rest.front() > '9';
}

template <typename Names>
std::optional<ComputeCapability> by_name(const Names& names, std::string_view text) {
  for (const Name& name : names) {
    if (fits(name, text)) return ComputeCapability{name.at_least, name.text};
  }
  return std::nullopt;
}

}  // namespace

std::optional<ComputeCapability> capability_by_pci(std::uint32_t device) {
  std::optional<ComputeCapability> result;
  for (const auto& range : kRanges) {
    if (device >= range.first) result = ComputeCapability{range.at_least, range.text};
  }
  return result;
}

std::optional<ComputeCapability> capability_by_model(std::string_view model) { return by_name(kNames, model); }

std::optional<ComputeCapability> capability_by_tegra(std::string_view compatible) {
  return by_name(kChips, compatible);
}

}  // namespace ocelli::inventory
