// The small JSON bodies of administrative requests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.hpp"
#include "protocols/json/json_reader.hpp"
#include "serving/sent_model.hpp"

namespace ocelli::admin {

// POST /v2/systemsharedmemory/region/{name}/register.
struct RegisterRequest {
  std::string key;
  std::uint64_t offset = 0;
  std::uint64_t byte_size = 0;
};

// All parse a whole body. An empty body counts as {}, except for parse_register(). Unknown members are passed over.
// Errors: kFailedPrecondition "The file is not valid json", kInvalidArgument naming the member.
Result<RegisterRequest> parse_register(std::string_view body);
// POST /v2/repository/index: whether only what is ready is wanted.
Result<bool> parse_index(std::string_view body);
// POST /v2/repository/models/{name}/load. The files are decoded while they are read, and point into body and texts.
Result<serving::SentModel> parse_load(std::string_view body, json::TextStore& texts);
// POST /v2/repository/models/{name}/unload has nothing to say, but must be JSON.
Status check_body(std::string_view body);

}  // namespace ocelli::admin
