// GrpcWay: KServe v2 ModelInfer over gRPC.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/bench/load_way.hpp"
#include "cli/bench/rest_way.hpp"
#include "runtime/model_signature.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli::cli {

// One connection with one call at a time per unit of concurrency; inputs travel as raw_input_contents. specs and inputs
// belong together by position.
std::unique_ptr<LoadWay> make_grpc_way(const Endpoint& endpoint, const std::string& model,
                                       const std::vector<TensorSpec>& specs, const std::vector<Tensor>& inputs);

}  // namespace ocelli::cli
