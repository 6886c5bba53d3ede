// WorkerSupervisor::send, which both of its source files use.
#pragma once

#include <chrono>

#include "backends/openvino_c/worker_supervisor.hpp"

namespace ocelli::openvino_c {

// With the mutex held. A worker that does not read for so long is found out by its silence.
template <typename Message>
Status WorkerSupervisor::send(const Message& message, int attached) {
  if (!worker_) return failure_.ok() ? unavailable("there is no OpenVINO worker") : failure_;
  const auto bytes = writer_.write(message);
  if (bytes.empty()) return invalid_argument("the model's names and settings do not fit one message to the worker");
  return worker_->socket().send(bytes, attached, std::chrono::seconds(2));
}

}  // namespace ocelli::openvino_c
