// ServerSettings: Triton's logging and trace extensions, apart from how a door writes them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/log_gate.hpp"
#include "base/status.hpp"

namespace ocelli::settings {

// A setting's value as a client wrote it: null takes a change back.
using Value = std::variant<std::monostate, bool, std::uint64_t, std::string, std::vector<std::string>>;
// Settings with their names, in the client's order.
using Values = std::vector<std::pair<std::string, Value>>;

// All log settings in Triton's order: log_file, log_info, log_warning, log_error, log_verbose_level, log_format.
Values log_settings(const LogGate& gate);
// Changes what wanted names; all of it or, on an error, nothing. log_file and log_format cannot be changed. Errors:
// kInvalidArgument naming the setting.
Status update_log(LogGate& gate, const Values& wanted);

// All trace settings in Triton's order; this server does not trace, so they never change.
Values trace_settings();
// OK when wanted only says what is so already. Errors: kInvalidArgument naming the setting.
Status update_trace(const Values& wanted);

}  // namespace ocelli::settings
