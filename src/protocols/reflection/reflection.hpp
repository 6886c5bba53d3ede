// Reflection: answers grpc.reflection.v1 (and v1alpha, whose messages are the same) from the descriptors that were
// compiled in.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"

namespace ocelli::reflection {

// Thread-safe.
class Reflection {
 public:
  // services: full names, in the order in which they are listed.
  explicit Reflection(std::vector<std::string> services) : services_(std::move(services)) {}

  // The bytes of one ServerReflectionRequest to one encoded ServerReflectionResponse. What cannot be found is answered
  // with an error_response; only bytes that are no request at all are kInvalidArgument.
  Status answer(std::span<const std::byte> bytes, std::string& reply) const;

 private:
  std::vector<std::string> services_;
};

}  // namespace ocelli::reflection
