// Documents about all models of the server.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/status.hpp"
#include "serving/model_catalog.hpp"
#include "transport/shared_memory/shared_memory_registry.hpp"

namespace ocelli::admin {

// GET /v1/config: {"name" : \n{statuses}, ...}; {} when there is no model.
void append_config_status(std::string& text, std::span<const serving::ModelStatus> models);

// A failed POST /v1/config/reload: {"error": "..."} on three lines, indented with a tab.
void append_reload_error(std::string& text, const Status& status);

// GET /v3/models. created: seconds since the epoch.
void append_model_list(std::string& text, std::span<const serving::ModelStatus> models, std::int64_t created);

// POST /v2/repository/index; only_ready leaves out what does not serve.
void append_repository_index(std::string& text, std::span<const serving::ModelStatus> models, bool only_ready);

// GET /v2/systemsharedmemory/status.
void append_shared_memory_status(std::string& text, std::span<const transport::SharedMemoryRegion> regions);

}  // namespace ocelli::admin
