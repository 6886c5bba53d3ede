#include "inventory/doctor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "inventory/checks/checks.hpp"

namespace ocelli::inventory {
namespace {

struct Check {
  Area area;
  void (*run)(const Machine&, Findings&);
};

constexpr std::array kChecks{
    Check{Area::kCpu, check_cpu},
    Check{Area::kLimits, check_limits},
    Check{Area::kDisk, check_disk},
    Check{Area::kIntelGpu, check_intel_gpu},
    Check{Area::kIntelNpu, check_intel_npu},
    Check{Area::kNvidia, check_nvidia},
    Check{Area::kMali, check_mali},
    Check{Area::kAmd, check_amd},
    Check{Area::kWsl, check_wsl},
    Check{Area::kLegacyOpenvino, check_legacy_openvino},
    Check{Area::kMyriad, check_myriad},
    Check{Area::kHddl, check_hddl},
    Check{Area::kRockchip, check_rockchip},
    Check{Area::kOthers, check_others},
};

// Areas whose device a backend of ours can run models on, once nothing is wrong with it.
bool can_be_used(Area area) {
  return area != Area::kAmd && area != Area::kRockchip && area != Area::kOthers && area != Area::kWsl;
}

void check_any_device(const Scope& scope, Findings& findings) {
  if (scope.devices.empty() || !scope.required.empty()) return;
  const bool has_one = std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
    return scope.devices.contains(finding.area) && can_be_used(finding.area) && finding.check == "device" &&
           finding.verdict != Verdict::kAbsent;
  });
  if (has_one) return;
  Section(Area::kCpu, findings)
      .warning("accelerator",
               fmt::format("no accelerator that {} can use is present: models run on the CPU", scope.text),
               "ocelli devices --all   (says what each accelerator would need)");
}

}  // namespace

std::size_t Report::count(Verdict verdict) const noexcept {
  return static_cast<std::size_t>(std::count_if(findings.begin(), findings.end(),
                                                [&](const Finding& finding) { return finding.verdict == verdict; }));
}

Report examine(const Machine& machine, const Scope& scope, const Findings& runtimes) {
  Report report;
  if (scope.areas.contains(Area::kRuntimes)) report.findings = runtimes;
  for (const auto& check : kChecks) {
    if (scope.areas.contains(check.area)) check.run(machine, report.findings);
  }
  for (auto& finding : report.findings) {
    const bool is_wanted = scope.required.contains(finding.area) && finding.check == "device";
    if (is_wanted && finding.verdict == Verdict::kAbsent) finding.verdict = Verdict::kProblem;
  }
  check_any_device(scope, report.findings);
  std::stable_sort(report.findings.begin(), report.findings.end(),
                   [](const Finding& left, const Finding& right) { return left.area < right.area; });
  return report;
}

}  // namespace ocelli::inventory
