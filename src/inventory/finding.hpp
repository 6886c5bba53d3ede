// Finding: one line of what `ocelli doctor` says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ocelli::inventory {

// kAbsent: the hardware is not there, which is nothing to repair. kWarning: works, but worse than it could. kProblem:
// something that is there, or was asked for, cannot be used.
enum class Verdict : std::uint8_t { kOk, kAbsent, kWarning, kProblem };

// "ok", "absent", "warning", "problem": stable words of the JSON.
std::string_view verdict_name(Verdict verdict) noexcept;

// What a check looks at; the order is the order of the report.
enum class Area : std::uint8_t {
  kCpu,
  kLimits,
  kDisk,
  kRuntimes,
  kIntelGpu,
  kIntelNpu,
  kNvidia,
  kMali,
  kArmNnCpu,
  kAmd,
  kWsl,
  kLegacyOpenvino,
  kMyriad,
  kHddl,
  kRockchip,
  kOthers,
};

// "Intel GPU": for people.
std::string_view area_title(Area area) noexcept;
// "intel_gpu": first part of a finding's id, stable.
std::string_view area_key(Area area) noexcept;

struct Finding {
  Area area = Area::kCpu;
  std::string check;  // stable within its area: "driver"
  Verdict verdict = Verdict::kOk;
  std::string found;  // one sentence, no full stop
  // Commands to type, joined by " && ", with a comment behind them at most; empty: no command helps, or nothing is to
  // be done. In capitals stands what is to be replaced: "docker restart CONTAINER".
  std::string remedy;
  std::size_t devices = 0;  // of the check "device": how many there are; 0: unknown

  // "nvidia.driver".
  [[nodiscard]] std::string id() const { return std::string(area_key(area)) + "." + check; }
};

using Findings = std::vector<Finding>;

// Collects the findings of one area.
class Section {
 public:
  Section(Area area, Findings& findings) : area_(area), findings_(findings) {}

  void ok(std::string check, std::string found) { add(std::move(check), Verdict::kOk, std::move(found), ""); }
  // The check "device" of hardware that is there, this many of it.
  void devices(std::string found, std::size_t count) {
    ok("device", std::move(found));
    findings_.back().devices = count;
  }
  // The remedy is shown only when somebody asked for this hardware by name.
  void absent(std::string check, std::string found, std::string remedy = "") {
    add(std::move(check), Verdict::kAbsent, std::move(found), std::move(remedy));
  }
  void warning(std::string check, std::string found, std::string remedy) {
    add(std::move(check), Verdict::kWarning, std::move(found), std::move(remedy));
  }
  void problem(std::string check, std::string found, std::string remedy) {
    add(std::move(check), Verdict::kProblem, std::move(found), std::move(remedy));
  }
  // For a check that decides its verdict as it goes.
  void add(std::string check, Verdict verdict, std::string found, std::string remedy) {
    findings_.push_back({area_, std::move(check), verdict, std::move(found), std::move(remedy), 0});
  }

 private:
  Area area_;
  Findings& findings_;
};

}  // namespace ocelli::inventory
