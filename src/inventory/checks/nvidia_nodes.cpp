#include "inventory/checks/nvidia_nodes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "inventory/remedy.hpp"
#include "inventory/text_parts.hpp"

namespace ocelli::inventory {
namespace {

void check_access(const Machine& machine, const std::vector<std::string>& nodes, std::string_view subsystem,
                  Section& section) {
  for (const auto& path : nodes) {
    const auto access = access_to_node(machine, path, "video", subsystem);
    if (access.is_granted) continue;
    section.problem("nodes", access.found, access.remedy);
    return;
  }
  section.ok("nodes", fmt::format("{}", fmt::join(nodes, ", ")));
}

}  // namespace

std::vector<std::string> nvidia_card_nodes(const MachineFiles& files) {
  std::vector<std::string> nodes;
  for (const auto& name : files.names("/dev")) {
    if (name.starts_with("nvidia") && name.size() > 6 && number(name.substr(6))) nodes.push_back("/dev/" + name);
  }
  return nodes;
}

void check_nvidia_nodes(const Machine& machine, Section& section) {
  auto nodes = nvidia_card_nodes(machine.files);
  std::vector<std::string> missing;
  if (nodes.empty()) missing.emplace_back("/dev/nvidia0");
  for (const std::string path : {"/dev/nvidiactl", "/dev/nvidia-uvm"}) {
    (machine.files.is_device(path) ? nodes : missing).push_back(path);
  }
  if (!missing.empty()) {
    section.problem(
        "nodes", fmt::format("no {}", fmt::join(missing, ", ")),
        machine.either(with_note(container_with("--gpus all"), "Compose: the cuda service of hwaccel.ml.yml"),
                       "sudo nvidia-modprobe -c 0 -u"));
    return;
  }
  check_access(machine, nodes, kNvidiaNodes, section);
}

void check_jetson_nodes(const Machine& machine, Section& section) {
  // Memory, and the GPU by the name that it has in this release: JetPack 6 and newer, 5, 4.
  constexpr std::array kGpus{"/dev/nvgpu/igpu0/ctrl", "/dev/nvhost-ctrl-gpu", "/dev/nvhost-gpu"};
  std::vector<std::string> nodes;
  std::vector<std::string> missing;
  (machine.files.is_device("/dev/nvmap") ? nodes : missing).emplace_back("/dev/nvmap");
  for (const char* gpu : kGpus) {
    if (machine.files.is_device(gpu)) nodes.emplace_back(gpu);
  }
  if (nodes.size() + missing.size() == 1) missing.emplace_back("/dev/nvhost-ctrl-gpu");
  if (!missing.empty()) {
    section.problem("nodes", fmt::format("no {}", fmt::join(missing, ", ")),
                    machine.either(container_with("--runtime nvidia"), "sudo modprobe nvgpu"));
    return;
  }
  check_access(machine, nodes, "misc", section);
}

}  // namespace ocelli::inventory
