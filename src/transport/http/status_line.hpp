// Status lines of HTTP/1.1 replies.
#pragma once

#include <string>

namespace ocelli::transport {

// "HTTP/1.1 200 OK\r\n"; a status without a phrase of its own gets that of its class.
void append_status_line(std::string& out, int status);

}  // namespace ocelli::transport
