// TensorFlow Serving predictions in JSON for a model with inputs of several types: parsed, echoed, written back in the
// request's form.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "protocols/tfserving/predict_reply.hpp"
#include "protocols/tfserving/predict_request.hpp"
#include "support/fake_catalog.hpp"
#include "tensor/string_tensor.hpp"

namespace {

ocelli::serving::ServableMetadata make_model(std::initializer_list<ocelli::TensorSpec> inputs) {
  ocelli::serving::ServableMetadata metadata;
  metadata.name = "m";
  metadata.inputs = inputs;
  return metadata;
}

// Shape and bytes of what was parsed agree, so that the writer may trust them.
void check(const ocelli::TensorView& view) {
  const auto elements = view.shape.element_count();
  if (!elements) std::abort();
  if (view.type == ocelli::DataType::kString) {
    if (!ocelli::unpack_strings({view.data, view.bytes}, *elements).ok()) std::abort();
  } else if (view.bytes != *elements * ocelli::element_size(view.type)) {
    std::abort();
  }
}

void run(std::string_view text, const ocelli::serving::ServableMetadata& model) {
  static ocelli::BufferPool pool;
  ocelli::json::TextStore texts;
  ocelli::serving::InferenceCall call;
  const auto format = ocelli::tfserving::parse_predict_request(text, model, pool, texts, call);
  if (!format.ok()) return;
  for (const auto& input : call.inputs) {
    check(input.tensor.view);
    call.outputs.push_back({input.name, input.tensor, false});
  }
  std::string reply;
  static_cast<void>(ocelli::tfserving::write_predict_reply(call, *format, reply));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using ocelli::DataType;
  using ocelli::PartialShape;
  static const auto one = make_model({{"b", DataType::kFp32, PartialShape::from({1, 10}), ""}});
  static const auto many = make_model({{"h", DataType::kFp16, PartialShape::from({1}), ""},
                                       {"s", DataType::kString, PartialShape::from({1}), ""},
                                       {"u", DataType::kUint8, PartialShape::from({1}), ""},
                                       {"w", DataType::kInt64, PartialShape::from({1}), ""}});
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  run(text, one);
  run(text, many);
  return 0;
}
