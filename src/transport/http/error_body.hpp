// The body of an error that the transport answers itself.
#pragma once

#include <string>
#include <string_view>

namespace ocelli::transport {

// {"error":"MESSAGE"}, with what JSON needs escaped.
void append_error_body(std::string& out, std::string_view message);

}  // namespace ocelli::transport
