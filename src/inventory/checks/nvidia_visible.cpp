#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

#include "inventory/checks/nvidia_setup.hpp"
#include "inventory/text_parts.hpp"

namespace ocelli::inventory {
namespace {

// The rules are those of the CUDA programming guide: indices or names (GPU-..., MIG-..., also their beginnings), and
// the first entry that is neither ends the list. That digits are read up to the first other sign, that a list is of one
// kind, and that an entry twice leaves no GPU, is how the driver was seen to behave (PyTorch's torch.cuda does the
// same).
enum class Kind : std::uint8_t { kIndex, kGpu, kMig, kNegative, kNothing };

struct Entry {
  Kind kind = Kind::kNothing;
  std::string name;  // of an index, its digits without leading zeros
};

Entry read_entry(std::string_view text) {
  const auto parts = words(text);
  if (parts.empty()) return {};
  const std::string_view part = parts.front();
  if (part.starts_with("GPU-")) return {Kind::kGpu, std::string(part)};
  if (part.starts_with("MIG-")) return {Kind::kMig, std::string(part)};
  if (part.starts_with('-')) return {Kind::kNegative, std::string(part)};
  const auto index = number(part.substr(0, part.find_first_not_of("0123456789")));
  return index ? Entry{Kind::kIndex, std::to_string(*index)} : Entry{Kind::kNothing, std::string(part)};
}

// Why the entry names no GPU of this machine; empty when it does, or when nobody can tell.
std::string fault(const Entry& entry, Kind first, const std::vector<NvidiaCard>& cards, std::size_t nodes,
                  bool& is_unknown) {
  if (entry.kind == Kind::kNegative) return fmt::format("{} ends the list", entry.name);
  if (entry.kind == Kind::kNothing) {
    return entry.name.empty() ? "an empty entry ends the list"
                              : fmt::format("{} is neither an index nor a name (GPU-..., MIG-...)", entry.name);
  }
  if (entry.kind != first) return fmt::format("{} is of another kind than the first entry", entry.name);
  if (entry.kind == Kind::kIndex) {
    if (nodes == 0 || *number(entry.name) < nodes) return "";
    return fmt::format("there is no GPU {}, this machine has {}", entry.name, nodes);
  }
  const bool all_named = std::ranges::none_of(cards, [](const NvidiaCard& card) { return card.uuid.empty(); });
  if (entry.kind == Kind::kMig || cards.empty() || !all_named) {
    is_unknown = true;
    return "";
  }
  const auto found =
      std::ranges::count_if(cards, [&](const NvidiaCard& card) { return card.uuid.starts_with(entry.name); });
  if (found == 1) return "";
  return fmt::format("{} is {}", entry.name, found == 0 ? "no GPU of this machine" : "the beginning of several names");
}

}  // namespace

void check_visible_devices(const Machine& machine, const std::vector<NvidiaCard>& cards, std::size_t nodes,
                           Section& section) {
  const auto value = machine.process.variable("CUDA_VISIBLE_DEVICES");
  if (!value) return section.ok("visible_devices", "CUDA_VISIBLE_DEVICES is not set: every GPU is visible");
  const std::string is = fmt::format("CUDA_VISIBLE_DEVICES is \"{}\"", *value);
  constexpr const char* kUnset = "unset CUDA_VISIBLE_DEVICES";
  const auto parts = split(*value, ',');
  const auto first = read_entry(parts.front()).kind;
  const bool hides_all = value->empty() || *value == "-1" || *value == "none" || *value == "NoDevFiles";
  if (hides_all) return section.problem("visible_devices", is + ", which hides every GPU", kUnset);
  std::set<std::string> seen;
  bool is_unknown = false;
  for (const auto part : parts) {
    const auto entry = read_entry(part);
    const auto why = fault(entry, first, cards, nodes, is_unknown);
    if (!why.empty()) {
      // What ends the list on purpose, or hides nothing, is no fault.
      const bool is_end = entry.kind == Kind::kNegative || (entry.name.empty() && part.data() == parts.back().data());
      if (is_end && !seen.empty()) break;
      return section.problem(
          "visible_devices",
          fmt::format("{}: {}; {}", is, why,
                      seen.empty() ? "that hides every GPU" : "that entry and all behind it are hidden"),
          kUnset);
    }
    if (!seen.insert(entry.name).second) {
      return section.problem("visible_devices",
                             fmt::format("{}: {} is named twice, which hides every GPU", is, entry.name), kUnset);
    }
  }
  if (!is_unknown) return section.ok("visible_devices", is);
  section.warning("visible_devices", is + "; whether this machine has that is unknown: no file says it",
                  "nvidia-smi -L   # lists the names that are there");
}

}  // namespace ocelli::inventory
