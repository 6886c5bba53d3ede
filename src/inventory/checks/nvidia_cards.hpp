// Which GPUs of NVIDIA there are, and what each can compute.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "inventory/compute_capability.hpp"
#include "inventory/finding.hpp"
#include "inventory/machine.hpp"

namespace ocelli::inventory {

// A GPU as far as files tell; no capability means that none does.
struct NvidiaCard {
  std::string name;  // "NVIDIA H100 PCIe", else where it is: "0000:01:00.0 (10de:2331)"
  std::string uuid;  // "GPU-8932f937-..."; empty: the driver does not say
  std::optional<ComputeCapability> capability;
  bool is_stand_in = false;  // for any number of GPUs
};

// Those that the driver has, else those on the PCI bus, else one for what stands for a GPU (a Jetson, Windows' GPU,
// /dev/nvidiactl). Empty when nothing does.
std::vector<NvidiaCard> nvidia_cards(const Machine& machine);

// How many there are; 0: unknown. What stands for GPUs says nothing of their number, but their nodes may.
std::size_t nvidia_card_count(const std::vector<NvidiaCard>& cards, std::size_t nodes);

// A board with a Tegra, whose GPU is no PCI device and whose driver comes with JetPack.
bool is_jetson(const Machine& machine);

// Whether the cards can run the code of an ONNX Runtime for this major version of CUDA.
void check_capability(const Machine& machine, const std::vector<NvidiaCard>& cards, std::uint32_t cuda,
                      Section& section);

// Whether one of them is of before Turing: 580 is the last branch of the driver for such cards.
bool needs_driver_580(const std::vector<NvidiaCard>& cards);

}  // namespace ocelli::inventory
