// OpenVINO's exceptions as Status; nothing of OpenVINO is thrown out of this folder.
#pragma once

#include <exception>
#include <utility>

#include "base/status.hpp"

namespace ocelli::openvino {

// The caught exception as a Status: kCancelled, kResourceExhausted when memory is out, kUnavailable when the device is
// lost, else fallback.
Status to_status(const std::exception_ptr& exception, StatusCode fallback) noexcept;

// Calls action and turns what it throws into a Status.
template <typename Action>
Status guarded(StatusCode fallback, Action&& action) noexcept {
  try {
    std::forward<Action>(action)();
    return {};
  } catch (...) {
    return to_status(std::current_exception(), fallback);
  }
}

}  // namespace ocelli::openvino
