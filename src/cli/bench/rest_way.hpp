// RestWay: KServe v2 binary inference over HTTP/1.1.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cli/bench/load_way.hpp"
#include "runtime/model_signature.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli::cli {

// Where a server listens. host is an address or a name.
struct Endpoint {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
};

// One connection with one request at a time per unit of concurrency; outputs are asked for in binary form too. specs
// and inputs belong together by position; outputs are the names to ask for.
std::unique_ptr<LoadWay> make_rest_way(const Endpoint& endpoint, const std::string& model,
                                       const std::vector<TensorSpec>& specs, const std::vector<Tensor>& inputs,
                                       const std::vector<TensorSpec>& outputs);

}  // namespace ocelli::cli
