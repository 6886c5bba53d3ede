// How nghttp2 calls a Http2Session.
#pragma once

struct nghttp2_session;

namespace ocelli::transport {

class Http2Session;

// A server session whose callbacks lead to the given one; null when memory is out. Freed by nghttp2_session_del().
nghttp2_session* make_server_session(Http2Session& session) noexcept;

}  // namespace ocelli::transport
