#include "inventory/compute_capability.hpp"

#include <array>

#include "inventory/text_parts.hpp"

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
};
constexpr std::array kNames{
    Name{"GTX 10", 61, "6.1 (Pascal)"}, Name{"Tesla P4", 61, "6.1 (Pascal)"},    Name{"Quadro P", 60, "6.x (Pascal)"},
    Name{"P100", 60, "6.0 (Pascal)"},   Name{"V100", 70, "7.0 (Volta)"},         Name{"TITAN V", 70, "7.0 (Volta)"},
    Name{"GTX 16", 75, "7.5 (Turing)"}, Name{"RTX 20", 75, "7.5 or newer"},      Name{"Tesla T4", 75, "7.5 (Turing)"},
    Name{"RTX 30", 86, "8.6 (Ampere)"}, Name{"RTX 40", 75, "7.5 or newer"},      Name{"RTX 50", 75, "7.5 or newer"},
    Name{"A100", 80, "8.0 (Ampere)"},   Name{"H100", 90, "9.0 (Hopper)"},        Name{"H200", 90, "9.0 (Hopper)"},
    Name{" L4", 89, "8.9 (Ada)"},       Name{"Ada Generation", 89, "8.9 (Ada)"}, Name{"B200", 100, "10.0 (Blackwell)"},
};

constexpr std::array kChips{
    Name{"tegra210", 53, "5.3 (Maxwell)"},     Name{"tegra186", 62, "6.2 (Pascal)"},
    Name{"tegra194", 72, "7.2 (Volta)"},       Name{"tegra234", 87, "8.7 (Ampere)"},
    Name{"tegra264", 110, "11.0 (Blackwell)"},
};

template <typename Names>
std::optional<ComputeCapability> by_name(const Names& names, std::string_view text) {
  for (const Name& name : names) {
    if (contains(text, name.part)) return ComputeCapability{name.at_least, name.text};
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
