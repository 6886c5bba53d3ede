#include "protocols/settings/server_settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace ocelli::settings {
namespace {

constexpr std::string_view kFormat = "default";

Status refused(std::string_view name, std::string_view why) {
  return invalid_argument(fmt::format("Invalid setting - {}; setting name: {}", why, name));
}

bool is_text(const Value& value, std::string_view text) {
  const auto* given = std::get_if<std::string>(&value);
  return given && *given == text;
}

// One setting of the log.
Status read_log(std::string_view name, const Value& value, LogSettings& settings) {
  const std::array<std::pair<std::string_view, bool*>, 3> kFlags{
      {{"log_info", &settings.info}, {"log_warning", &settings.warning}, {"log_error", &settings.error}}};
  for (const auto& [known, flag] : kFlags) {
    if (name != known) continue;
    const auto* given = std::get_if<bool>(&value);
    if (!given) return refused(name, "Expected: a boolean");
    *flag = *given;
    return {};
  }
  if (name == "log_verbose_level") {
    const auto* given = std::get_if<std::uint64_t>(&value);
    if (!given || *given > std::numeric_limits<std::uint32_t>::max())
      return refused(name, "Expected: an integer from 0 to 4294967295");
    settings.verbose = static_cast<std::uint32_t>(*given);
    return {};
  }
  if (name == "log_format")
    return is_text(value, kFormat) ? Status() : refused(name, "Expected: default, the only format of this server");
  if (name == "log_file")
    return refused(name, "the file cannot be changed while the server runs: start it with --log_path");
  return refused(name, "there is no such log setting");
}

}  // namespace

Values log_settings(const LogGate& gate) {
  const LogSettings now = gate.settings();
  return {{"log_file", gate.file()},
          {"log_info", now.info},
          {"log_warning", now.warning},
          {"log_error", now.error},
          {"log_verbose_level", std::uint64_t{now.verbose}},
          {"log_format", std::string(kFormat)}};
}

Status update_log(LogGate& gate, const Values& wanted) {
  return gate.update([&](LogSettings& settings) -> Status {
    for (const auto& [name, value] : wanted) {
      if (Status status = read_log(name, value, settings); !status.ok()) return status;
    }
    return {};
  });
}

Values trace_settings() {
  return {{"trace_level", std::vector<std::string>{"OFF"}},
          {"trace_rate", std::string("1000")},
          {"trace_count", std::string("-1")},
          {"log_frequency", std::string("0")},
          {"trace_file", std::string()},
          {"trace_mode", std::string("triton")}};
}

Status update_trace(const Values& wanted) {
  const Values known = trace_settings();
  for (const auto& [name, value] : wanted) {
    const auto found = std::ranges::find_if(known, [&](const auto& each) { return each.first == name; });
    if (found == known.end()) return refused(name, "there is no such trace setting");
    // gRPC has lists only, and an empty one takes a change back.
    const auto* list = std::get_if<std::vector<std::string>>(&value);
    const bool same = value == found->second || std::holds_alternative<std::monostate>(value) ||
                      (list && (list->empty() || (list->size() == 1 && is_text(found->second, list->front())))) ||
                      (name == "trace_level" && is_text(value, "OFF"));
    if (!same)
      return refused(name,
                     "this server does not trace: send a traceparent header, whose trace id the access log shows");
  }
  return {};
}

}  // namespace ocelli::settings
