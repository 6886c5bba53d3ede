// Model versions as KServe writes them: decimal text.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/status.hpp"

namespace ocelli::rpc {

// Empty text and "0" mean the server's choice: an empty optional. Errors: kInvalidArgument "invalid model version
// format in request".
Result<std::optional<std::int64_t>> parse_version(std::string_view text);

}  // namespace ocelli::rpc
