#include "devices/device_memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <optional>

#include "base/letter_case.hpp"

namespace ocelli::devices {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array kUnits{Unit{"B", 1},
                            Unit{"KB", 1'000},
                            Unit{"MB", 1'000'000},
                            Unit{"GB", 1'000'000'000},
                            Unit{"TB", 1'000'000'000'000},
                            Unit{"KIB", std::uint64_t{1} << 10U},
                            Unit{"MIB", std::uint64_t{1} << 20U},
                            Unit{"GIB", std::uint64_t{1} << 30U},
                            Unit{"TIB", std::uint64_t{1} << 40U}};
constexpr const char* kUnitNames = "B, KB, MB, GB, TB, KiB, MiB, GiB or TiB";
constexpr double kMostBytes = 9.2e18;
// Longer text is a mistake or an attack, never a list of devices.
constexpr std::size_t kMaxText = 4096;

class LimitParser {
 public:
  LimitParser(std::string_view text, const std::vector<std::string>& simulated) : text_(text), simulated_(simulated) {}

  Result<std::map<std::string, std::uint64_t>> parse() {
    if (text_.size() > kMaxText) return fail(kMaxText, fmt::format("more than {} characters", kMaxText));
    std::map<std::string, std::uint64_t> limits;
    skip_blanks();
    if (at_ == text_.size()) return limits;
    do {
      skip_blanks();
      if (Status status = parse_limit(limits); !status.ok()) return status;
      skip_blanks();
    } while (take(','));
    if (at_ != text_.size()) return fail(at_, fmt::format("',' expected, not '{}'", text_[at_]));
    return limits;
  }

 private:
  Status parse_limit(std::map<std::string, std::uint64_t>& limits) {
    const auto start = at_;
    const auto device = parse_device_name("device_memory", text_, at_, simulated_);
    if (!device.ok()) return device.status();
    const auto memory = memory_of(*device);
    if (limits.contains(memory)) {
      return fail(start, memory == device->to_string() ? fmt::format("{} is named twice", memory)
                                                       : fmt::format("{} is the memory of {}, which is named twice",
                                                                     device->to_string(), memory));
    }
    skip_blanks();
    if (!take('=')) return fail(at_, fmt::format("'=' and a size expected after {}", device->to_string()));
    skip_blanks();
    const auto bytes = parse_size();
    if (!bytes.ok()) return bytes.status();
    limits[memory] = *bytes;
    return {};
  }

  Result<std::uint64_t> parse_size() {
    const auto start = at_;
    const auto number = parse_number();
    if (!number) return fail(start, "a size such as 6GB expected");
    skip_blanks();
    const auto unit_at = at_;
    std::string name;
    for (; at_ < text_.size() && std::isalpha(static_cast<unsigned char>(text_[at_])) != 0; ++at_)
      name += upper(text_[at_]);
    const auto unit = std::ranges::find(kUnits, name, &Unit::name);
    if (unit == kUnits.end()) return fail(unit_at, fmt::format("{} expected after the number", kUnitNames));
    const double bytes = *number * static_cast<double>(unit->bytes);
    if (bytes < 1) return fail(start, "a size above zero expected; leave the device out for no limit");
    if (bytes > kMostBytes) return fail(start, "the size is too large");
    return static_cast<std::uint64_t>(std::llround(bytes));
  }

  // Digits, with a fraction or not.
  std::optional<double> parse_number() {
    double value = 0;
    double place = 1;
    bool fraction = false;
    const auto start = at_;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '.' && !fraction && at_ > start) {
        fraction = true;
      } else if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
        value = value * 10 + (c - '0');
        place *= fraction ? 10 : 1;
      } else {
        break;
      }
    }
    if (at_ == start || text_[at_ - 1] == '.') return std::nullopt;
    return value / place;
  }

  Status fail(std::size_t at, std::string_view what) const {
    constexpr std::size_t kShown = 100;
    return invalid_argument(
        fmt::format("device_memory \"{}\", position {}: {}", text_.substr(0, kShown), at + 1, what));
  }
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string_view text_;
  const std::vector<std::string>& simulated_;
  std::size_t at_ = 0;
};

}  // namespace

std::string memory_of(const DeviceName& device) {
  const auto numbered = [&](const char* name) {
    return fmt::format("{}.{}", name, device.instance.empty() ? "0" : device.instance);
  };
  switch (device.kind) {
    case DeviceKind::kCpu:
      return "CPU";
    case DeviceKind::kGpu:
    case DeviceKind::kNpu:
      return numbered(device.name.c_str());
    case DeviceKind::kNvidia:
    case DeviceKind::kCuda:
    case DeviceKind::kTensorrt:
      return numbered("NVIDIA");
    case DeviceKind::kArmnn:
      return device.instance == "CpuRef" || device.instance == "CpuAcc" ? "CPU" : device.to_string();
    case DeviceKind::kLegacy:
      return device.instance == "CPU" ? "CPU" : device.to_string();
    case DeviceKind::kMyriad:
    case DeviceKind::kHddl:
    case DeviceKind::kSimulated:
      break;
  }
  return device.to_string();
}

Result<std::map<std::string, std::uint64_t>> parse_device_memory(std::string_view text,
                                                                 const std::vector<std::string>& simulated) {
  return LimitParser(text, simulated).parse();
}

}  // namespace ocelli::devices
