// RestServices: what the REST endpoints work with.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/thread_pool.hpp"
#include "serving/model_catalog.hpp"
#include "transport/shared_memory/shared_memory_registry.hpp"

namespace ocelli {
class LogGate;
}

namespace ocelli::rest {

// Outlives every endpoint; all members must be thread-safe.
struct RestServices {
  RestServices(serving::ModelCatalog& models, ThreadPool& administration)
      : catalog(models), background(administration) {}

  serving::ModelCatalog& catalog;
  // Where loading and unloading happens, which would hold a network thread up. Its queue is bounded.
  ThreadPool& background;
  // Where long replies are turned into text; a reply that finds no place in its queue is written on the thread that
  // completes it. Null: all are. The router has its own.
  ThreadPool* writers = nullptr;
  // Where long texts that clients send are read; one that finds no place in its queue is refused. Null: all are read on
  // the connection's thread. The router has its own.
  ThreadPool* readers = nullptr;
  // Null: clients cannot use shared memory.
  transport::SharedMemoryRegistry* shared_memory = nullptr;
  // What POST /v2/logging changes. Null: not offered.
  LogGate* log = nullptr;
  // The page of GET /metrics; thread-safe. Empty, or without a page: metrics are off.
  std::function<std::optional<std::string>()> render_metrics;
  // What GET /v2 says.
  std::string server_name = "OpenVINO Model Server";
  std::string server_version;
};

}  // namespace ocelli::rest
