#include "devices/device_expression.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "base/letter_case.hpp"

namespace ocelli::devices {
namespace {

// What may stand behind the dot.
enum class Instances : std::uint8_t { kNone, kNumber, kRuntime, kArmnnBackend, kText };

struct KnownDevice {
  std::string_view name;
  DeviceKind kind;
  Instances instances;
};

constexpr std::array kKnownDevices{
    KnownDevice{"CPU", DeviceKind::kCpu, Instances::kRuntime},
    KnownDevice{"GPU", DeviceKind::kGpu, Instances::kNumber},
    KnownDevice{"NPU", DeviceKind::kNpu, Instances::kNumber},
    KnownDevice{"NVIDIA", DeviceKind::kNvidia, Instances::kNumber},
    KnownDevice{"CUDA", DeviceKind::kCuda, Instances::kNumber},
    KnownDevice{"TENSORRT", DeviceKind::kTensorrt, Instances::kNumber},
    KnownDevice{"ARMNN", DeviceKind::kArmnn, Instances::kArmnnBackend},
    KnownDevice{"MALI", DeviceKind::kArmnn, Instances::kNone},
    KnownDevice{"MYRIAD", DeviceKind::kMyriad, Instances::kText},
    KnownDevice{"HDDL", DeviceKind::kHddl, Instances::kNone},
    KnownDevice{"LEGACY", DeviceKind::kLegacy, Instances::kText},
};

struct Proxy {
  std::string_view name;
  PlanKind kind;
};
constexpr std::array kProxies{Proxy{"AUTO", PlanKind::kAuto}, Proxy{"MULTI", PlanKind::kMulti},
                              Proxy{"HETERO", PlanKind::kHetero}, Proxy{"BATCH", PlanKind::kBatch}};
constexpr std::array<std::string_view, 2> kCpuRuntimes{"OPENVINO", "ONNXRUNTIME"};
constexpr std::array<std::string_view, 3> kArmnnBackends{"CpuRef", "CpuAcc", "GpuAcc"};

// Longer text is a mistake or an attack, never a device list.
constexpr std::size_t kMaxText = 1024;

// A name without a number is number 0: the model would be there twice, and take its memory twice.
bool same_device(const DeviceName& one, const DeviceName& other) {
  if (one == other) return true;
  const auto known = std::ranges::find(kKnownDevices, one.kind, &KnownDevice::kind);
  if (one.kind != other.kind || known == kKnownDevices.end() || known->instances != Instances::kNumber) return false;
  const auto number = [](const DeviceName& device) { return device.instance.empty() ? "0" : device.instance; };
  return number(one) == number(other);
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-'; }

class Parser {
 public:
  Parser(std::string_view text, const std::vector<std::string>& simulated, std::string_view subject = "target_device",
         std::size_t at = 0)
      : text_(text), simulated_(simulated), subject_(subject), at_(at) {}

  // A lone device where the parser stands; at becomes the position behind it.
  Result<DeviceName> parse_name(std::size_t& at) {
    DeviceMember member;
    if (Status status = parse_member(member); !status.ok()) return status;
    if (member.count) return fail(at, "(n) has no meaning here");
    at = at_;
    return std::move(member.device);
  }

  Result<DeviceExpression> parse() {
    if (text_.size() > kMaxText) return fail(kMaxText, fmt::format("more than {} characters", kMaxText));
    DeviceExpression expression;
    skip_blanks();
    const std::size_t start = at_;
    const auto proxy = std::find_if(kProxies.begin(), kProxies.end(),
                                    [word = word()](const Proxy& p) { return same_letters(p.name, word); });
    if (proxy == kProxies.end()) {
      at_ = start;
    } else {
      expression.kind = proxy->kind;
      skip_blanks();
      if (at_end() && proxy->kind == PlanKind::kAuto) return expression;
      if (!take(':'))
        return fail(at_, fmt::format("':' and {} expected after {}", kind_wants(proxy->kind), proxy->name));
      skip_blanks();
      if (expression.kind == PlanKind::kAuto && next_is('-')) return parse_left_out(std::move(expression));
    }
    if (Status status = parse_members(expression); !status.ok()) return status;
    if (!at_end()) return fail(at_, fmt::format("unexpected '{}'", text_[at_]));
    return expression;
  }

 private:
  static std::string_view kind_wants(PlanKind kind) {
    return kind == PlanKind::kBatch ? "a device" : "a list of devices";
  }

  // Behind "AUTO:", where the first name has a '-' before it.
  Result<DeviceExpression> parse_left_out(DeviceExpression expression) {
    do {
      skip_blanks();
      if (!take('-')) return fail(at_, "'-' expected: AUTO takes devices to use or devices to leave out, not both");
      const std::size_t start = at_;
      DeviceName device;
      if (Status status = parse_device(device); !status.ok()) return status;
      // These are ways to a device of AUTO's own list, which has no name for the rest of it.
      const bool is_a_way = device.kind == DeviceKind::kCuda || device.kind == DeviceKind::kTensorrt ||
                            (device.kind == DeviceKind::kCpu && !device.instance.empty());
      if (is_a_way)
        return fail(start, fmt::format("{} cannot be left out by itself; list the devices to use", device.to_string()));
      if (std::ranges::find(expression.left_out, device) != expression.left_out.end())
        return fail(start, fmt::format("{} is named twice", device.to_string()));
      if (expression.left_out.size() == DeviceExpression::kMaxMembers)
        return fail(start, fmt::format("more than {} devices", DeviceExpression::kMaxMembers));
      expression.left_out.push_back(std::move(device));
      skip_blanks();
    } while (take(','));
    if (!at_end()) return fail(at_, fmt::format("unexpected '{}'", text_[at_]));
    return expression;
  }

  Status parse_members(DeviceExpression& expression) {
    const bool list = expression.kind != PlanKind::kSingle && expression.kind != PlanKind::kBatch;
    do {
      skip_blanks();
      const std::size_t start = at_;
      DeviceMember member;
      if (Status status = parse_member(member); !status.ok()) return status;
      if (member.count && expression.kind == PlanKind::kSingle)
        return fail(start, "(n) is for members of AUTO, MULTI and HETERO, and for BATCH");
      for (const auto& other : expression.members) {
        if (!same_device(other.device, member.device)) continue;
        return fail(start, other.device == member.device
                               ? fmt::format("{} is named twice", member.device.to_string())
                               : fmt::format("{} is the same device as {}", member.device.to_string(),
                                             other.device.to_string()));
      }
      if (expression.members.size() == DeviceExpression::kMaxMembers) {
        return fail(start, fmt::format("more than {} devices", DeviceExpression::kMaxMembers));
      }
      expression.members.push_back(std::move(member));
      skip_blanks();
    } while (list && take(','));
    return {};
  }

  Status parse_member(DeviceMember& member) {
    if (next_is('-')) return fail(at_, "'-' is for devices to leave out of AUTO's own list, as AUTO:-GPU,-NPU");
    if (Status status = parse_device(member.device); !status.ok()) return status;
    skip_blanks();
    return take('(') ? parse_count(member) : Status();
  }

  Status parse_device(DeviceName& device) {
    const std::size_t start = at_;
    const std::string_view name = word();
    if (name.empty())
      return fail(start,
                  at_end() ? "a device name is missing" : fmt::format("a device name expected, not '{}'", text_[at_]));
    std::size_t instance_at = at_;
    std::string_view instance;
    if (take('.')) {
      instance_at = at_;
      // Addresses of sticks look like "1.2-ma2480".
      while (!at_end() && (is_word(text_[at_]) || text_[at_] == '.')) ++at_;
      instance = text_.substr(instance_at, at_ - instance_at);
      if (instance.empty()) return fail(instance_at, fmt::format("something expected after \"{}.\"", name));
    }
    return resolve(start, name, instance_at, instance, device);
  }

  Status parse_count(DeviceMember& member) {
    skip_blanks();
    const std::size_t start = at_;
    while (!at_end() && std::isdigit(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
    std::uint32_t count = 0;
    const auto [end, error] = std::from_chars(text_.data() + start, text_.data() + at_, count);
    if (error != std::errc() || count == 0 || count > DeviceMember::kMaxCount) {
      return fail(start, fmt::format("a number from 1 to {} expected in parentheses", DeviceMember::kMaxCount));
    }
    member.count = count;
    skip_blanks();
    if (!take(')')) return fail(at_, "')' expected");
    return {};
  }

  Status resolve(std::size_t name_at, std::string_view name, std::size_t instance_at, std::string_view instance,
                 DeviceName& device) const {
    if (resolve_simulated(name, instance, device)) return {};
    const auto known = std::find_if(kKnownDevices.begin(), kKnownDevices.end(),
                                    [&](const KnownDevice& d) { return same_letters(d.name, name); });
    if (known == kKnownDevices.end()) return unknown(name_at, name);
    device = {known->kind, std::string(known->name), std::string(instance)};
    if (same_letters(name, "MALI")) device = {DeviceKind::kArmnn, "ARMNN", "GpuAcc"};
    return check_instance(instance_at, instance, *known, device);
  }

  // "STICK" and "STICK.1" may both be simulated; the whole text is looked for first.
  bool resolve_simulated(std::string_view name, std::string_view instance, DeviceName& device) const {
    const std::string whole = instance.empty() ? std::string(name) : fmt::format("{}.{}", name, instance);
    for (const auto& simulated : simulated_) {
      if (!same_letters(simulated, whole)) continue;
      device = {DeviceKind::kSimulated, simulated, {}};
      return true;
    }
    return false;
  }

  Status check_instance(std::size_t at, std::string_view instance, const KnownDevice& known, DeviceName& device) const {
    if (instance.empty()) return {};
    switch (known.instances) {
      case Instances::kNone:
        return fail(at, fmt::format("{} has no \".{}\"", known.name, instance));
      case Instances::kText:
        return {};
      case Instances::kNumber:
        // Three digits are more devices than any machine has.
        if (instance.size() <= 3 &&
            std::all_of(instance.begin(), instance.end(), [](unsigned char c) { return std::isdigit(c) != 0; }))
          return {};
        return fail(at, fmt::format("{}.n expected, n being the device's number, not \"{}\"", known.name, instance));
      case Instances::kRuntime:
        return choose(at, instance, known.name, kCpuRuntimes, device);
      case Instances::kArmnnBackend:
        break;
    }
    return choose(at, instance, known.name, kArmnnBackends, device);
  }

  // The spelling of the one among `choices` that instance names.
  template <typename Choices>
  Status choose(std::size_t at, std::string_view instance, std::string_view name, const Choices& choices,
                DeviceName& device) const {
    const auto choice =
        std::ranges::find_if(choices, [&](std::string_view known) { return same_letters(known, instance); });
    if (choice != choices.end()) {
      device.instance = *choice;
      return {};
    }
    return fail(at, fmt::format("{0}.{1} expected, not \"{2}\"", name, fmt::join(choices, fmt::format(" or {}.", name)),
                                instance));
  }

  Status unknown(std::size_t at, std::string_view name) const {
    if (std::any_of(kProxies.begin(), kProxies.end(), [&](const Proxy& p) { return same_letters(p.name, name); })) {
      return fail(at, fmt::format("{} cannot be a member of another one", name));
    }
    std::vector<std::string_view> names;
    for (const auto& device : kKnownDevices) names.push_back(device.name);
    for (const auto& proxy : kProxies) names.push_back(proxy.name);
    names.insert(names.end(), simulated_.begin(), simulated_.end());
    return fail(at, fmt::format("there is no device \"{}\"; known are {}", name, fmt::join(names, ", ")));
  }

  Status fail(std::size_t at, std::string_view what) const {
    constexpr std::size_t kShown = 100;
    return invalid_argument(fmt::format("{} \"{}\", position {}: {}", subject_, text_.substr(0, kShown), at + 1, what));
  }

  std::string_view word() {
    const std::size_t start = at_;
    while (!at_end() && is_word(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }
  void skip_blanks() {
    while (!at_end() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  [[nodiscard]] bool next_is(char c) const { return !at_end() && text_[at_] == c; }
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }

  std::string_view text_;
  const std::vector<std::string>& simulated_;
  std::string_view subject_;
  std::size_t at_;
};

}  // namespace

std::string DeviceName::to_string() const { return instance.empty() ? name : name + "." + instance; }

std::string DeviceMember::to_string() const {
  return count ? fmt::format("{}({})", device.to_string(), *count) : device.to_string();
}

std::string DeviceExpression::to_string() const {
  std::string text;
  for (const auto& member : members) {
    if (!text.empty()) text += ',';
    text += member.to_string();
  }
  for (const auto& device : left_out) text += (text.empty() ? "-" : ",-") + device.to_string();
  const auto proxy = std::find_if(kProxies.begin(), kProxies.end(), [&](const Proxy& p) { return p.kind == kind; });
  if (proxy == kProxies.end()) return text;
  return text.empty() ? std::string(proxy->name) : fmt::format("{}:{}", proxy->name, text);
}

Result<DeviceExpression> parse_target_device(std::string_view text, const std::vector<std::string>& simulated) {
  return Parser(text, simulated).parse();
}

Result<DeviceName> parse_device_name(std::string_view subject, std::string_view text, std::size_t& at,
                                     const std::vector<std::string>& simulated) {
  return Parser(text, simulated, subject, at).parse_name(at);
}

}  // namespace ocelli::devices
