// WorkerSupervisor::send, which both of its source files use.
#pragma once

#include <chrono>

#include "backends/openvino_c/protocol/device_lost.hpp"
#include "backends/openvino_c/worker_supervisor.hpp"

namespace ocelli::openvino_c {

// With the mutex held. A worker that has just ended shows here first, before its thread hears of it; one that does not
// read for so long is found out by its silence. Either way the device is lost for whoever asks.
template <typename Message>
Status WorkerSupervisor::send(const Message& message, int attached) {
  if (!worker_) return no_worker();
  const auto bytes = writer_.write(message);
  if (bytes.empty()) return invalid_argument("the model's names and settings do not fit one message to the worker");
  const auto status = worker_->socket().send(bytes, attached, std::chrono::seconds(2));
  return status.ok() ? status : device_lost(status.message());
}

}  // namespace ocelli::openvino_c
