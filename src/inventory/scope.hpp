// Scope: for whom the doctor looks (`--for`).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/status.hpp"
#include "inventory/finding.hpp"

namespace ocelli::inventory {

// Which areas are looked at, and which of them must be there.
struct Scope {
  std::string text;         // as it was given; empty: everything
  std::set<Area> areas;     // looked at
  std::set<Area> required;  // must be there and usable, because somebody asked for this hardware by name
  // Ids of findings that must be ok: what is asked for by name needs them, where others can do without.
  std::set<std::string> musts;
  std::map<Area, std::uint64_t> last_index;  // of "NVIDIA.2": 2; there must be so many
  std::set<Area> devices;  // of a door: at least one of these should be there, else models run on the CPU

  // Everything, nothing required.
  static Scope all();
};

// A list separated by commas of doors ("immich", "model-server", "face"), devices as target_device has them ("GPU",
// "NVIDIA.0", "MALI", "MYRIAD") and services of Immich's hwaccel.ml.yml ("cuda", "armnn", "openvino-wsl"); upper and
// lower case are the same. A door shows what it can use; a device must be there, one with an index too.
// kInvalidArgument names the words that exist.
Result<Scope> parse_scope(std::string_view text);

}  // namespace ocelli::inventory
