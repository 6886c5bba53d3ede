#include "backends/openvino/openvino_error.hpp"

#include <algorithm>
#include <array>
#include <openvino/runtime/exception.hpp>
#include <string_view>

namespace ocelli::openvino {
namespace {

bool contains_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [text](auto word) { return text.find(word) != std::string_view::npos; });
}

StatusCode code_of(std::string_view text, StatusCode fallback) {
  if (contains_any(text, {"CL_OUT_OF_RESOURCES", "CL_OUT_OF_HOST_MEMORY", "CL_MEM_OBJECT_ALLOCATION_FAILURE",
                          "out of memory", "ZE_RESULT_ERROR_OUT_OF_DEVICE_MEMORY", "exceeded max size of memory"})) {
    return StatusCode::kResourceExhausted;
  }
  if (contains_any(text, {"ZE_RESULT_ERROR_DEVICE_LOST", "CL_DEVICE_NOT_AVAILABLE", "device lost", "Device lost"})) {
    return StatusCode::kUnavailable;
  }
  return fallback;
}

// Lines that only say where in OpenVINO's sources something was thrown.
bool is_position(std::string_view line) {
  return line.starts_with("Exception from ") ||
         (line.starts_with("Check '") && line.find(" failed at ") != std::string_view::npos);
}

}  // namespace

std::string readable(const std::string& text) {
  constexpr std::size_t kMost = 600;
  std::string result;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    std::string_view line(text.data() + begin, end - begin);
    begin = end + 1;
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r' || line.back() == ':')) line.remove_suffix(1);
    if (line.empty() || is_position(line)) continue;
    if (!result.empty()) result += "; ";
    result += line;
  }
  if (result.empty()) result = text;
  if (result.size() > kMost) {
    result.resize(kMost);
    result += "...";
  }
  return result;
}

Status to_status(const std::exception_ptr& exception, StatusCode fallback) noexcept {
  try {
    std::rethrow_exception(exception);
  } catch (const ov::Cancelled&) {
    return {StatusCode::kCancelled, "the run was cancelled"};
  } catch (const std::bad_alloc&) {
    return {StatusCode::kResourceExhausted, "out of memory"};
  } catch (const std::exception& error) {
    return {code_of(error.what(), fallback), readable(error.what())};
  } catch (...) {
    return {fallback, "unknown error in OpenVINO"};
  }
}

}  // namespace ocelli::openvino
