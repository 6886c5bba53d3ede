// device_lost(): the one way in which a device that is gone is told, whatever showed it.
#pragma once

#include <string>
#include <string_view>

#include "base/status.hpp"

namespace ocelli::openvino_c {

inline constexpr std::string_view kDeviceLost = "the device is lost";

// kUnavailable "the device is lost: WHY", by which schedulers move work to another device. A text that begins so
// already stays as it is.
inline Status device_lost(std::string_view why) {
  if (why.starts_with(kDeviceLost)) return unavailable(std::string(why));
  return unavailable(std::string(kDeviceLost).append(": ").append(why));
}

}  // namespace ocelli::openvino_c
