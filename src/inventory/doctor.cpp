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
    Check{Area::kArmNnCpu, check_armnn_cpu},
    Check{Area::kAmd, check_amd},
    Check{Area::kWsl, check_wsl},
    Check{Area::kLegacyOpenvino, check_legacy_openvino},
    Check{Area::kMyriad, check_myriad},
    Check{Area::kHddl, check_hddl},
    Check{Area::kRockchip, check_rockchip},
    Check{Area::kOthers, check_others},
};

// A device that is there and that a backend of ours runs models on, once nothing is wrong with it. One that none runs
// on has a warning, and WSL2 is no device.
bool can_be_used(const Finding& finding) {
  return finding.check == "device" && finding.area != Area::kWsl && finding.verdict != Verdict::kAbsent &&
         finding.verdict != Verdict::kWarning;
}

void check_any_device(const Scope& scope, Findings& findings) {
  if (scope.devices.empty() || !scope.required.empty()) return;
  const bool has_one = std::ranges::any_of(
      findings, [&](const Finding& finding) { return scope.devices.contains(finding.area) && can_be_used(finding); });
  if (has_one) return;
  Section(Area::kCpu, findings)
      .warning("accelerator",
               fmt::format("no accelerator that {} can use is present: models run on the CPU", scope.text),
               "ocelli devices --all   # says what each accelerator would need");
}

// Somebody asked for it by name, so what would be nothing to repair, or what others do without, is a problem.
void apply_wish(const Scope& scope, Finding& finding) {
  const bool is_wanted =
      (scope.required.contains(finding.area) && finding.check == "device") || scope.musts.contains(finding.id());
  if (!is_wanted || finding.verdict == Verdict::kOk || finding.verdict == Verdict::kProblem) return;
  if (finding.verdict == Verdict::kAbsent && finding.remedy.empty())
    finding.found += "; no command brings it, so leave it out of --for or use a machine that has it";
  finding.verdict = Verdict::kProblem;
}

void check_indices(const Scope& scope, Findings& findings) {
  Findings missing;
  for (const auto& finding : findings) {
    const auto wanted = scope.last_index.find(finding.area);
    if (finding.devices == 0 || wanted == scope.last_index.end() || wanted->second < finding.devices) continue;
    Section(finding.area, missing)
        .problem("index",
                 fmt::format("device {} is asked for, but there {} only {}, counted from 0", wanted->second,
                             finding.devices == 1 ? "is" : "are", finding.devices),
                 "ocelli devices");
  }
  findings.insert(findings.end(), missing.begin(), missing.end());
}

}  // namespace

std::size_t Report::count(Verdict verdict) const noexcept {
  return static_cast<std::size_t>(std::count_if(findings.begin(), findings.end(),
                                                [&](const Finding& finding) { return finding.verdict == verdict; }));
}

Report examine(const Machine& machine, const Scope& scope, const Findings& runtimes) {
  Report report;
  if (scope.areas.contains(Area::kRuntimes)) report.findings = runtimes;
  // Under WSL2 these are reached through Windows alone.
  const bool by_windows =
      machine.is_wsl && (scope.areas.contains(Area::kIntelGpu) || scope.areas.contains(Area::kNvidia));
  for (const auto& check : kChecks) {
    if (scope.areas.contains(check.area) || (by_windows && check.area == Area::kWsl))
      check.run(machine, report.findings);
  }
  for (auto& finding : report.findings) apply_wish(scope, finding);
  check_indices(scope, report.findings);
  check_any_device(scope, report.findings);
  std::stable_sort(report.findings.begin(), report.findings.end(),
                   [](const Finding& left, const Finding& right) { return left.area < right.area; });
  return report;
}

}  // namespace ocelli::inventory
