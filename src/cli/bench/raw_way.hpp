// RawWay: a compiled model's own asynchronous loop, with nothing of ours between. ServableWay: the same model through
// scheduling and validation, in process.
#pragma once

#include <memory>
#include <vector>

#include "cli/bench/load_way.hpp"
#include "runtime/compiled_model.hpp"
#include "serving/servable.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli::cli {

// inputs: one per input of the model's signature.
std::unique_ptr<LoadWay> make_raw_way(std::shared_ptr<CompiledModel> model, std::vector<Tensor> inputs);

// One thread per unit of concurrency makes a call and waits for it. inputs: one per input of the servable's metadata.
std::unique_ptr<LoadWay> make_servable_way(serving::ServableHandle servable, std::vector<Tensor> inputs);

}  // namespace ocelli::cli
