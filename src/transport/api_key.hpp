// How clients of both protocols show the server's API key.
#pragma once

#include <string_view>

namespace ocelli::transport {

// Whether given is the key, which is not empty. Takes as long for a wrong key of the right length as for the right one.
bool is_api_key(std::string_view given, std::string_view key) noexcept;

// Whether the value of an Authorization header is "Bearer KEY"; the scheme's name counts in any case (RFC 9110, 11.1).
bool is_bearer_of(std::string_view authorization, std::string_view key) noexcept;

}  // namespace ocelli::transport
