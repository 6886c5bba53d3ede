#include "backends/armnn/run_error.hpp"

#include <fmt/format.h>

#include <array>

#include "backends/opencl_error/opencl_error.hpp"
#include "base/message_lines.hpp"

namespace ocelli::arm_nn {
namespace {

// The part of one line that tells something.
std::string_view readable_line(std::string_view line) {
  static constexpr std::array<std::string_view, 4> kLeads{
      "Warning: ", "Error: ", "Fatal: ", "An error occurred attempting to execute a workload: "};
  for (const auto lead : kLeads) {
    if (line.starts_with(lead)) line.remove_prefix(lead.size());
  }
  line = line.substr(0, line.find(" at function "));
  const auto last = line.find_last_not_of(" \r\t");
  return last == std::string_view::npos ? std::string_view() : line.substr(0, last + 1);
}

}  // namespace

std::string readable_error(std::string_view text) { return cut_message(joined_lines(text, readable_line)); }

StatusCode code_of_error(std::string_view text, StatusCode fallback) noexcept {
  if (text == "clCreateBuffer") return StatusCode::kResourceExhausted;
  return opencl::code_after(text, "Error code: ", fallback);
}

Status run_error(std::string_view logged) {
  const std::string why = readable_error(logged);
  if (why.empty()) return internal_error("ARM NN failed to run the model and did not say why");
  return {code_of_error(logged, StatusCode::kInternal), fmt::format("ARM NN failed to run the model: {}", why)};
}

}  // namespace ocelli::arm_nn
