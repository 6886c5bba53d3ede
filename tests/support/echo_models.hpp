// Servables that echo, for servers which independent clients drive.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "support/fake_catalog.hpp"

namespace ocelli::test {

inline TensorSpec any_shape(std::string name, DataType type) {
  PartialShape shape;
  shape.rank_known = false;
  return {std::move(name), type, shape, ""};
}

// Answers into the place that the client asked for, else as the tensor is.
inline void answer(serving::InferenceCall& call, std::string_view name, const Tensor& tensor) {
  for (const auto& requested : call.requested) {
    if (requested.name != name || !requested.destination.data) continue;
    if (requested.destination.bytes < tensor.view.bytes) {
      call.status = invalid_argument("The shared memory region is too small for the output");
      return;
    }
    std::memcpy(requested.destination.data, tensor.view.data, tensor.view.bytes);
    call.outputs.push_back({name, tensor, true});
    return;
  }
  call.outputs.push_back({name, tensor, false});
}

// "echo_FP32": answers its input x of that type, whatever its shape, as y.
inline std::shared_ptr<FakeServable> make_echo(DataType type) {
  serving::ServableMetadata metadata;
  metadata.name = "echo_" + std::string(kserve_name(type));
  metadata.inputs = {any_shape("x", type)};
  metadata.outputs = {any_shape("y", type)};
  return std::make_shared<FakeServable>(std::move(metadata), [type](serving::InferenceCall& call) {
    const bool fits = call.inputs.size() == 1 && call.inputs[0].tensor.view.type == type;
    if (fits) return answer(call, "y", call.inputs[0].tensor);
    call.status = invalid_argument("Invalid input precision");
  });
}

// The specification's example and an echo of every type.
inline void add_echo_models(FakeCatalog& catalog) {
  catalog.add(make_dummy());
  for (const auto type : {DataType::kBool, DataType::kInt8, DataType::kInt16, DataType::kInt32, DataType::kInt64,
                          DataType::kUint8, DataType::kUint16, DataType::kUint32, DataType::kUint64, DataType::kFp16,
                          DataType::kBf16, DataType::kFp32, DataType::kFp64, DataType::kString}) {
    catalog.add(make_echo(type));
  }
}

}  // namespace ocelli::test
