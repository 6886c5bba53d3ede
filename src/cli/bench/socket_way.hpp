// SocketWay: a model behind the least that can be called a server. Each request in flight has a TCP connection over the
// loopback interface and a thread, which receives the bytes of the inputs where the runtime reads them; the runtime's
// own thread sends the bytes of the outputs. There is no protocol, nothing is checked or scheduled: what this lacks
// beside the raw loop is the price of the wire and of a client on the same machine, which every server pays.
#pragma once

#include <memory>
#include <vector>

#include "cli/bench/load_way.hpp"
#include "runtime/compiled_model.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli::cli {

// inputs: one per input of the model's signature, at least one; not of strings.
std::unique_ptr<LoadWay> make_socket_way(std::shared_ptr<CompiledModel> model, std::vector<Tensor> inputs);

}  // namespace ocelli::cli
