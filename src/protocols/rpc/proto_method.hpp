// proto_method(): makes a UnaryMethod of a function on protobuf messages. Only for source files that include generated
// headers.
#pragma once

#include <limits>
#include <string>
#include <utility>

#include "protocols/rpc/unary_method.hpp"
#include "protocols/wire/tensor_bytes.hpp"

namespace ocelli::rpc {

// function: Status(const Request&, Reply&).
template <typename Request, typename Reply, typename Function>
UnaryMethod proto_method(std::string path, Function function, bool blocking = false) {
  auto run = [function = std::move(function)](wire::Bytes bytes, std::string& reply_bytes) -> Status {
    Request request;
    if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) ||
        !request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return wire::malformed_message();
    }
    Reply reply;
    if (auto status = function(request, reply); !status.ok()) return status;
    if (!reply.AppendToString(&reply_bytes)) return internal_error("The reply could not be encoded");
    return {};
  };
  return {std::move(path), std::move(run), blocking};
}

}  // namespace ocelli::rpc
