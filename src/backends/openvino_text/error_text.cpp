#include "backends/openvino_text/error_text.hpp"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "backends/opencl_error/opencl_error.hpp"
#include "base/message_lines.hpp"

namespace ocelli::openvino {
namespace {

bool contains_any(std::string_view text, std::initializer_list<std::string_view> words) noexcept {
  return std::ranges::any_of(words, [text](auto word) { return text.find(word) != std::string_view::npos; });
}

// The GPU plugin's releases from 2024 on do not always name OpenCL's error beside its number.
StatusCode code_of_number(std::string_view text, StatusCode fallback) noexcept {
  return text.find("[GPU]") == std::string_view::npos ? fallback : opencl::code_after(text, "error code: ", fallback);
}

// Lines that only say where in OpenVINO's sources something was thrown.
bool is_position(std::string_view line) noexcept {
  return line.starts_with("Exception from ") ||
         (line.starts_with("Check '") && line.find(" failed at ") != std::string_view::npos);
}

// The part of one line that tells something.
std::string_view readable_line(std::string_view line) noexcept {
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  while (!line.empty() && (line.back() == ' ' || line.back() == '\r' || line.back() == ':')) line.remove_suffix(1);
  return is_position(line) ? std::string_view() : line;
}

}  // namespace

std::string readable_error(std::string_view text) {
  std::string result = joined_lines(text, readable_line);
  return cut_message(result.empty() ? std::string(text) : std::move(result));
}

StatusCode code_of_error(std::string_view text, StatusCode fallback) noexcept {
  // OpenCL's errors come by name, by number ("[GPU] clFlush, error code: -5"), or in the GPU plugin's own words.
  if (contains_any(text,
                   {"CL_OUT_OF_RESOURCES", "CL_OUT_OF_HOST_MEMORY", "CL_MEM_OBJECT_ALLOCATION_FAILURE", "out of memory",
                    "out of GPU resources", "xceeded max size of memory", "ZE_RESULT_ERROR_OUT_OF_DEVICE_MEMORY",
                    "ZE_RESULT_ERROR_OUT_OF_HOST_MEMORY", "NC_OUT_OF_MEMORY"})) {
    return StatusCode::kResourceExhausted;
  }
  // A GPU that was reset fails the kernels that it had, and then everything else. The last five are how the plugins of
  // Movidius sticks and cards say that the link is cut.
  if (contains_any(text, {"ZE_RESULT_ERROR_DEVICE_LOST", "ZE_RESULT_ERROR_DEVICE_REQUIRES_RESET",
                          "CL_DEVICE_NOT_AVAILABLE", "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST", "evice lost",
                          "X_LINK", "NC_ERROR", "NC_DEVICE_NOT_FOUND", "HDDL_CONNECT"})) {
    return StatusCode::kUnavailable;
  }
  return code_of_number(text, fallback);
}

}  // namespace ocelli::openvino
