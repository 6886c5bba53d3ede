#include "inventory/finding.hpp"

namespace ocelli::inventory {

std::string_view verdict_name(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kAbsent:
      return "absent";
    case Verdict::kWarning:
      return "warning";
    default:
      return "problem";
  }
}

namespace {

struct AreaNames {
  std::string_view title;
  std::string_view key;
};

AreaNames names_of(Area area) noexcept {
  switch (area) {
    case Area::kCpu:
      return {"CPU", "cpu"};
    case Area::kLimits:
      return {"memory and limits", "limits"};
    case Area::kDisk:
      return {"disk for caches", "disk"};
    case Area::kRuntimes:
      return {"runtimes", "runtimes"};
    case Area::kIntelGpu:
      return {"Intel GPU", "intel_gpu"};
    case Area::kIntelNpu:
      return {"Intel NPU", "intel_npu"};
    case Area::kNvidia:
      return {"NVIDIA GPU", "nvidia"};
    case Area::kMali:
      return {"Mali GPU (ARM NN)", "mali"};
    case Area::kArmNnCpu:
      return {"ARM NN (CPU)", "armnn_cpu"};
    case Area::kAmd:
      return {"AMD GPU", "amd"};
    case Area::kWsl:
      return {"WSL2", "wsl"};
    case Area::kLegacyOpenvino:
      return {"older OpenVINO", "openvino_legacy"};
    case Area::kMyriad:
      return {"NCS2 stick (MYRIAD)", "myriad"};
    case Area::kHddl:
      return {"HDDL card", "hddl"};
    case Area::kRockchip:
      return {"Rockchip NPU", "rockchip"};
    default:
      return {"other accelerators", "others"};
  }
}

}  // namespace

std::string_view area_title(Area area) noexcept { return names_of(area).title; }
std::string_view area_key(Area area) noexcept { return names_of(area).key; }

}  // namespace ocelli::inventory
