// Validation: what options mean together, with OVMS's texts and in OVMS's order.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.hpp"
#include "cli/command_line.hpp"

namespace ocelli::cli {

// What the checks ask of the machine.
struct Machine {
  std::uint32_t cores = 1;
  std::uint64_t open_files_limit = 1024;

  // This machine.
  static Machine here();
};

// Applies the defaults that depend on what was given (port 9178 when neither port was) and checks everything. Error:
// kInvalidArgument whose message, one or more lines, goes to standard error as it is; the program ends with exit
// code 64.
Status validate(CommandLine& line, const Machine& machine);

// Most REST workers that so many open files allow, by OVMS's rule.
std::uint64_t max_rest_workers(std::uint64_t open_files_limit) noexcept;

// Whether an address or host name, or each of a comma list of them, is well-formed: digits of addresses make an IPv4 or
// IPv6 address, all else a host name by RFC 1123; 1 to 255 characters.
bool valid_bind_addresses(const std::string& list);

}  // namespace ocelli::cli
