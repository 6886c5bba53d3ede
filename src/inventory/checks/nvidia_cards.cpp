#include "inventory/checks/nvidia_cards.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "inventory/remedy.hpp"
#include "inventory/text_parts.hpp"

namespace ocelli::inventory {
namespace {

constexpr std::uint32_t kTuring = 75;
// From CUDA 13 on NVIDIA's libraries have no code for what came before Turing (release notes of CUDA 13.0). ONNX
// Runtime's builds for CUDA 11 and 12, and Immich's image, have it from 5.2 on.
std::uint32_t needed_capability(std::uint32_t cuda) { return cuda >= 13 ? kTuring : 52; }

std::string tenths(std::uint32_t value) { return fmt::format("{}.{}", value / 10, value % 10); }

// "GPU-8932f937-..." of a line "GPU UUID:  GPU-8932f937-...".
std::string value_of(std::string_view information, std::string_view label) {
  const auto at = information.find(label);
  if (at == std::string_view::npos) return "";
  const auto rest = information.substr(at + label.size());
  return fmt::format("{}", fmt::join(words(rest.substr(0, rest.find('\n'))), " "));
}

const PciDevice* at_slot(const Machine& machine, std::string_view slot) {
  const auto device = std::find_if(machine.pci.begin(), machine.pci.end(),
                                   [&](const PciDevice& one) { return one.vendor == kPciNvidia && one.slot == slot; });
  return device == machine.pci.end() ? nullptr : &*device;
}

NvidiaCard driver_card(const Machine& machine, const std::string& slot) {
  const auto information =
      machine.files.text(fmt::format("/proc/driver/nvidia/gpus/{}/information", slot), 4096).value_or("");
  const auto model = value_of(information, "Model:");
  const auto uuid = value_of(information, "GPU UUID:");
  const auto* device = at_slot(machine, slot);
  auto capability = device ? capability_by_pci(device->device) : std::nullopt;
  if (!capability) capability = capability_by_model(model);
  // As long as the driver does not know it, it writes question marks.
  return {model.empty() ? "an NVIDIA GPU" : model, contains(uuid, "?") ? "" : uuid, std::move(capability)};
}

std::string tegra(const Machine& machine) {
  return machine.files.text("/proc/device-tree/compatible", 4096).value_or("");
}

constexpr const char* kOrtForCuda12 =
    "wget -qO- https://github.com/microsoft/onnxruntime/releases/download/v1.22.0/onnxruntime-linux-x64-gpu-1.22.0.tgz "
    "| sudo tar -xz -C /opt && export ONNXRUNTIME_ROOT=/opt/onnxruntime-linux-x64-gpu-1.22.0   # built for CUDA 12, "
    "whose libraries and cuDNN 9 it needs; ocelli doctor --for cuda says which are missing";

}  // namespace

bool is_jetson(const Machine& machine) {
  return machine.files.exists("/etc/nv_tegra_release") || contains(tegra(machine), "nvidia,tegra");
}

std::vector<NvidiaCard> nvidia_cards(const Machine& machine) {
  std::vector<NvidiaCard> cards;
  for (const auto& slot : machine.files.names("/proc/driver/nvidia/gpus")) cards.push_back(driver_card(machine, slot));
  if (!cards.empty() && !is_jetson(machine)) return cards;
  if (is_jetson(machine)) return {{"Jetson", "", capability_by_tegra(tegra(machine))}};
  for (const auto& device : machine.pci) {
    if (device.vendor == kPciNvidia && device.is_display())
      cards.push_back({fmt::format("{} ({})", device.slot, device.ids()), "", capability_by_pci(device.device)});
  }
  if (!cards.empty()) return cards;
  if (machine.files.exists("/usr/lib/wsl/lib/libcuda.so.1")) return {{"a GPU of Windows", "", std::nullopt, true}};
  if (machine.files.exists("/dev/nvidiactl")) return {{"/dev/nvidiactl", "", std::nullopt, true}};
  return {};
}

std::size_t nvidia_card_count(const std::vector<NvidiaCard>& cards, std::size_t nodes) {
  const bool is_counted = std::ranges::none_of(cards, [](const NvidiaCard& card) { return card.is_stand_in; });
  return is_counted ? cards.size() : nodes;
}

bool needs_driver_580(const std::vector<NvidiaCard>& cards) {
  return std::ranges::any_of(
      cards, [](const NvidiaCard& card) { return card.capability && card.capability->at_least < kTuring; });
}

void check_capability(const Machine& machine, const std::vector<NvidiaCard>& cards, std::uint32_t cuda,
                      Section& section) {
  const auto needed = needed_capability(cuda);
  const std::string need = fmt::format("ONNX Runtime's CUDA {} has code for {} and newer", cuda, tenths(needed));
  std::vector<std::string> known;
  const NvidiaCard* old = nullptr;
  bool has_good = false;
  for (const auto& card : cards) {
    known.push_back(card.capability ? card.capability->text : "unknown");
    const bool is_old = card.capability && card.capability->at_least < needed;
    if (is_old && !old) old = &card;
    has_good = has_good || !is_old;
  }
  if (!old) {
    const bool is_unknown = std::ranges::find(known, "unknown") != known.end();
    section.add("capability", is_unknown ? Verdict::kAbsent : Verdict::kOk,
                fmt::format("compute capability {}; {}", fmt::join(known, ", "), need),
                is_unknown ? "nvidia-smi --query-gpu=name,compute_cap --format=csv" : "");
    return;
  }
  const std::string found = fmt::format("{} has compute capability {}; {}", old->name, old->capability->text, need);
  if (has_good) {
    section.warning("capability", found + ": it cannot be used, another card can",
                    "nvidia-smi -L   # then name the cards to be used: export CUDA_VISIBLE_DEVICES=GPU-...");
    return;
  }
  // A build for CUDA 12 is what is left; there is one for servers and desktops only.
  const bool has_build = cuda >= 13 && old->capability->at_least >= needed_capability(12) &&
                         machine.process.architecture == "x86_64" && !is_jetson(machine);
  section.problem("capability",
                  found + (has_build ? ", one built for CUDA 12 from 5.2 on" : ": no model can run on it"),
                  has_build ? kOrtForCuda12 : "");
}

}  // namespace ocelli::inventory
