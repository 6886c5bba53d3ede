#include "backends/opencl_error/opencl_error.hpp"

#include <charconv>

namespace ocelli::opencl {
namespace {

constexpr int kDeviceNotAvailable = -2;
constexpr int kMemObjectAllocationFailure = -4;
constexpr int kOutOfResources = -5;
constexpr int kOutOfHostMemory = -6;
constexpr int kExecStatusErrorForEventsInWaitList = -14;  // what waits for a kernel that a reset has ended

}  // namespace

StatusCode code_after(std::string_view text, std::string_view lead, StatusCode fallback) noexcept {
  const auto at = text.find(lead);
  if (at == std::string_view::npos) return fallback;
  const auto digits = text.substr(at + lead.size());
  int number = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), number).ec != std::errc()) return fallback;
  switch (number) {
    case kMemObjectAllocationFailure:
    case kOutOfResources:
    case kOutOfHostMemory:
      return StatusCode::kResourceExhausted;
    case kDeviceNotAvailable:
    case kExecStatusErrorForEventsInWaitList:
      return StatusCode::kUnavailable;
    default:
      return fallback;
  }
}

}  // namespace ocelli::opencl
