// ComputeCapability: what an NVIDIA GPU's instructions are, which libraries are compiled for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ocelli::inventory {

// at_least is in tenths (75 is 7.5); text is what is known of it: "7.5 (Turing)", "5.0 or older (Maxwell, Kepler)".
struct ComputeCapability {
  std::uint32_t at_least = 0;
  std::string text;
};

// Of a GPU with this device number of NVIDIA's on the PCI bus. Empty for 0.
std::optional<ComputeCapability> capability_by_pci(std::uint32_t device);

// Of a card with this name, as the driver gives it ("NVIDIA GeForce GTX 1080 Ti"). Empty for a name that says nothing
// of its generation, or one that several generations have.
std::optional<ComputeCapability> capability_by_model(std::string_view model);

// Of a Jetson with this "compatible" of its device tree, which names its chip ("nvidia,tegra234").
std::optional<ComputeCapability> capability_by_tegra(std::string_view compatible);

}  // namespace ocelli::inventory
