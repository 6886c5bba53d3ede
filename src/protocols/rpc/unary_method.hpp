// UnaryMethod: an RPC of the control plane, as a function from the request's bytes to the reply's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/status.hpp"
#include "protocols/wire/wire_reader.hpp"

namespace ocelli::rpc {

struct UnaryMethod {
  std::string path;  // "/package.Service/Method"
  // Appends the encoded reply to the string, or fails. Thread-safe. May throw std::bad_alloc.
  std::function<Status(wire::Bytes request, std::string& reply)> run;
  // May take as long as loading a model takes: must not run on a network thread.
  bool blocking = false;
};

using UnaryMethods = std::vector<UnaryMethod>;

}  // namespace ocelli::rpc
