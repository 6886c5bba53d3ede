#include "protocols/tfserving_grpc/predict_message.hpp"

#include <algorithm>
#include <utility>

#include "protocols/wire/gather_writer.hpp"
#include "serving/servable.hpp"

namespace ocelli::tfserving_grpc {

Status PredictMessage::fill(serving::InferenceCall& call, const rpc::FillContext& context) {
  const auto& specs = call.servable->metadata().inputs;
  const wire::InputSource source{context.message, context.pool};
  for (const auto& input : request_.inputs) {
    const auto spec =
        std::find_if(specs.begin(), specs.end(), [&](const TensorSpec& each) { return each.name == input.name; });
    auto tensor = read_tensor_proto(input.name, spec == specs.end() ? nullptr : &*spec, input.tensor, source);
    if (!tensor.ok()) return std::move(tensor).status();
    call.inputs.push_back({input.name, std::move(tensor->tensor), std::move(tensor->fault)});
  }
  for (const auto name : request_.output_filter) call.requested.push_back({name, {}, {}});
  return {};
}

Status PredictMessage::prepare_outputs(const serving::InferenceCall& call, BufferPool& pool) {
  outputs_.clear();
  for (const auto& output : call.outputs) {
    auto tensor = TensorProtoWriter::make(output.tensor, pool);
    if (!tensor.ok()) return std::move(tensor).status();
    outputs_.push_back({output.name, std::move(tensor).value()});
  }
  // Stateful models answer their sequence's id as one more output.
  if (call.sequence_id) outputs_.push_back({"sequence_id", TensorProtoWriter::of_number(*call.sequence_id, pool)});
  return {};
}

Status PredictMessage::write_reply(const serving::InferenceCall& call, transport::ReplyBody& reply, ChargedPool pool) {
  if (auto status = prepare_outputs(call, pool.uncharged()); !status.ok()) return status;
  const auto& metadata = call.servable->metadata();
  {
    wire::GatherWriter writer(reply, pool.uncharged());
    // model_spec first: it then shares the reply's text with the first output's head.
    const auto version_bytes = wire::varint_field_size(1, static_cast<std::uint64_t>(metadata.version));
    writer.length_prefix(2, wire::text_field_size(1, metadata.name) + wire::length_field_size(2, version_bytes));
    writer.text(1, metadata.name);
    writer.length_prefix(2, version_bytes);
    writer.varint(wire::tag_of(1, wire::WireType::kVarint));
    writer.varint(static_cast<std::uint64_t>(metadata.version));
    for (const auto& output : outputs_) {
      const auto tensor_bytes = output.tensor.size();
      writer.length_prefix(1, wire::text_field_size(1, output.name) + wire::length_field_size(2, tensor_bytes));
      writer.text(1, output.name);
      writer.length_prefix(2, tensor_bytes);
      output.tensor.write(writer);
    }
  }
  outputs_.clear();
  return {};
}

}  // namespace ocelli::tfserving_grpc
