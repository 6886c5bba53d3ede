#include "protocols/kserve_grpc/infer_message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <vector>

#include "protocols/classification/classification.hpp"
#include "protocols/wire/gather_writer.hpp"
#include "protocols/wire/tensor_bytes.hpp"
#include "serving/priority_level.hpp"
#include "serving/servable.hpp"
#include "transport/shared_memory/shared_memory_registry.hpp"

namespace ocelli::kserve_grpc {
namespace {

using wire::InputHead;
using wire::InputTensor;
using wire::RepeatedValues;
using wire::WireType;

// Which field of InferTensorContents holds elements of a type, and how it encodes one.
struct ContentsField {
  std::uint32_t number;
  WireType element;
};

// Its fields by their numbers.
constexpr std::array<std::string_view, 9> kContentsNames{"",
                                                         "bool_contents",
                                                         "int_contents",
                                                         "int64_contents",
                                                         "uint_contents",
                                                         "uint64_contents",
                                                         "fp32_contents",
                                                         "fp64_contents",
                                                         "bytes_contents"};
constexpr wire::FieldSet kContentsFields = 0x1FE;

std::optional<ContentsField> contents_field(DataType type) noexcept {
  switch (type) {
    case DataType::kBool:
      return ContentsField{1, WireType::kVarint};
    case DataType::kInt8:
    case DataType::kInt16:
    case DataType::kInt32:
      return ContentsField{2, WireType::kVarint};
    case DataType::kInt64:
      return ContentsField{3, WireType::kVarint};
    case DataType::kUint8:
    case DataType::kUint16:
    case DataType::kUint32:
      return ContentsField{4, WireType::kVarint};
    case DataType::kUint64:
      return ContentsField{5, WireType::kVarint};
    case DataType::kFp32:
      return ContentsField{6, WireType::kFixed32};
    case DataType::kFp64:
      return ContentsField{7, WireType::kFixed64};
    case DataType::kString:
      return ContentsField{8, WireType::kLength};
    default:
      return std::nullopt;  // the 16-bit floats have none
  }
}

Result<InputTensor> tensor_from_contents(const InputHead& head, wire::Bytes contents, const wire::InputSource& source) {
  const auto field = contents_field(head.type);
  if (!field) {
    return wire::without_values(
        head, invalid_argument(fmt::format("{} tensors travel only in raw_input_contents; input name: {}",
                                           kserve_name(head.type), head.name)));
  }
  const auto values = RepeatedValues::find(contents, field->number, field->element);
  if (!values) return wire::malformed_message();
  if (const auto others = values->other_fields() & kContentsFields) {
    const auto given = others | (values->count() > 0 ? wire::field_bit(field->number) : 0);
    const auto status = wire::wrong_value_fields(head, kContentsNames[field->number], given, kContentsNames);
    return wire::without_values(head, status);
  }
  return wire::tensor_from_values(head, *values, false, source);
}

Result<transport::SharedMemoryView> open_place(const SharedMemoryPlace& place, const rpc::FillContext& context) {
  if (!context.shared_memory) return unimplemented("Shared memory is switched off on this server");
  return context.shared_memory->view(place.region, place.offset, place.byte_size);
}

const TensorSpec* find_spec(const std::vector<TensorSpec>& specs, std::string_view name) noexcept {
  const auto found =
      std::find_if(specs.begin(), specs.end(), [&](const TensorSpec& spec) { return spec.name == name; });
  return found == specs.end() ? nullptr : &*found;
}

// raw: the blocks that are not yet given to an input.
Result<InputTensor> input_tensor(const InferInput& input, const serving::ServableMetadata& metadata,
                                 std::span<const wire::Bytes>& raw, const rpc::FillContext& context) {
  const auto type = data_type_from_kserve(input.datatype);
  const InputHead head{input.name, type.value_or(DataType::kUndefined), input.shape,
                       find_spec(metadata.inputs, input.name)};
  std::optional<wire::Bytes> block;
  if (!raw.empty() && !input.shared_memory) {
    block = raw.front();
    raw = raw.subspan(1);
  }
  if (!type)
    return wire::without_values(head, wire::wrong_precision(head, input.datatype.empty() ? "none" : input.datatype));
  if (input.shared_memory) {
    const auto place = open_place(*input.shared_memory, context);
    if (!place.ok()) return place.status();
    return InputTensor{wire::tensor_in_place(head, {place->data, place->bytes}, {place->owner, context.pool})};
  }
  const wire::InputSource source{context.message, context.pool};
  if (block) return InputTensor{wire::tensor_in_place(head, *block, source)};
  return tensor_from_contents(head, input.contents, source);
}

void take_parameters(const InferParameters& parameters, serving::InferenceCall& call, bool stateful) {
  if (parameters.timeout_us && *parameters.timeout_us > 0) {
    constexpr std::uint64_t kLongestUs = 1'000'000ULL * 3600 * 24 * 365;
    const auto timeout = std::chrono::microseconds(std::min(*parameters.timeout_us, kLongestUs));
    call.deadline = std::min(call.deadline, call.times.received + timeout);
  }
  call.priority = serving::priority_of_level(parameters.priority);
  if (!stateful || (parameters.sequence_id == 0 && !parameters.sequence_start && !parameters.sequence_end)) return;
  const std::uint32_t control = (parameters.sequence_start ? 1U : 0U) | (parameters.sequence_end ? 2U : 0U);
  call.sequence = serving::SequenceControl{parameters.sequence_id, control};
}

std::string_view version_text(std::int64_t version, std::array<char, 24>& room) noexcept {
  const auto end = std::to_chars(room.data(), room.data() + room.size(), version).ptr;
  return {room.data(), static_cast<std::size_t>(end - room.data())};
}

// What the reply says of one output.
struct OutputRow {
  std::string_view name;
  DataType type;
  std::span<const std::int64_t> dims;
  wire::Bytes bytes;  // of raw_output_contents
  const BufferRef* owner;
};

void write_output_head(wire::GatherWriter& writer, const OutputRow& row) {
  std::size_t shape_bytes = 0;
  for (const auto dim : row.dims) shape_bytes += wire::varint_size(static_cast<std::uint64_t>(dim));
  const auto type = kserve_name(row.type);
  writer.length_prefix(5, wire::text_field_size(1, row.name) + wire::text_field_size(2, type) +
                              (row.dims.empty() ? 0 : wire::length_field_size(3, shape_bytes)));
  writer.text(1, row.name);
  writer.text(2, type);
  if (row.dims.empty()) return;
  writer.length_prefix(3, shape_bytes);
  for (const auto dim : row.dims) writer.varint(static_cast<std::uint64_t>(dim));
}

// All outputs, with the largest values of those that are to be classified in their place; stays empty where none is.
Status classify_outputs(const InferRequest& request, const serving::InferenceCall& call, ChargedPool pool,
                        std::vector<serving::CallOutput>& classified) {
  const auto classes_of = [&](std::string_view name) {
    const auto asked =
        std::ranges::find_if(request.outputs, [&](const InferOutput& each) { return each.name == name; });
    return asked == request.outputs.end() ? 0U : asked->classes;
  };
  if (std::ranges::none_of(request.outputs, [](const InferOutput& each) { return each.classes > 0; })) return {};
  for (const auto& output : call.outputs) {
    auto& put = classified.emplace_back(output);
    const auto classes = classes_of(output.name);
    if (classes == 0) continue;
    auto tensor = classification::classify(output, call.servable->metadata(), classes, pool);
    if (!tensor.ok()) return std::move(tensor).status();
    put.tensor = std::move(tensor).value();
  }
  return {};
}

// Calls visit for every output in name order, the sequence's id (an output of its own for stateful models) among them.
template <typename Visit>
void for_each_output(const serving::InferenceCall& call, std::span<const serving::CallOutput> outputs, Visit&& visit) {
  static constexpr std::string_view kSequenceId = "sequence_id";
  static constexpr std::int64_t kOne = 1;
  bool sequence_due = call.sequence_id.has_value();
  const auto visit_sequence = [&] {
    sequence_due = false;
    visit(OutputRow{
        kSequenceId, DataType::kUint64, {&kOne, 1}, std::as_bytes(std::span(&*call.sequence_id, 1)), nullptr});
  };
  for (const auto& output : outputs) {
    if (sequence_due && output.name > kSequenceId) visit_sequence();
    const auto& view = output.tensor.view;
    const auto bytes = output.in_destination ? wire::Bytes() : wire::Bytes(view.data, view.bytes);
    visit(OutputRow{output.name, view.type, view.shape.dims(), bytes, &output.tensor.owner});
  }
  if (sequence_due) visit_sequence();
}

// parameters entry {"triton_final_response": true}: one answer to a request is always its last.
constexpr std::string_view kFinalResponse("\x22\x1b\x0a\x15triton_final_response\x12\x02\x08\x01", 29);

}  // namespace

Status InferMessage::fill(serving::InferenceCall& call, const rpc::FillContext& context) {
  const auto& metadata = call.servable->metadata();
  std::span<const wire::Bytes> raw = request_.raw_contents;
  for (const auto& input : request_.inputs) {
    auto tensor = input_tensor(input, metadata, raw, context);
    if (!tensor.ok()) return std::move(tensor).status();
    call.inputs.push_back({input.name, std::move(tensor->tensor), std::move(tensor->fault)});
  }
  for (const auto& output : request_.outputs) {
    auto& requested = call.requested.emplace_back();
    requested.name = output.name;
    if (!output.shared_memory) continue;
    auto place = open_place(*output.shared_memory, context);
    if (!place.ok()) return std::move(place).status();
    requested.destination.data = place->data;
    requested.destination.bytes = place->bytes;
    requested.destination_owner = std::move(place->owner);
  }
  take_parameters(request_.parameters, call, metadata.stateful);
  return {};
}

Status InferMessage::write_reply(const serving::InferenceCall& call, transport::ReplyBody& reply, ChargedPool pool) {
  if (auto status = serving::check_memory(call); !status.ok()) return status;
  const auto& metadata = call.servable->metadata();
  std::vector<serving::CallOutput> classified;
  if (auto status = classify_outputs(request_, call, pool, classified); !status.ok()) return status;
  const std::span<const serving::CallOutput> outputs = classified.empty() ? call.outputs : classified;
  std::array<char, 24> room;
  {
    wire::GatherWriter writer(reply, pool.uncharged());
    writer.text(1, metadata.name);
    writer.text(2, version_text(metadata.version, room));
    writer.text(3, request_.id);
    if (streamed_ && request_.parameters.empty_final_response) writer.bytes(kFinalResponse);
    for_each_output(call, outputs, [&](const OutputRow& row) { write_output_head(writer, row); });
    static const BufferRef kNobody;
    for_each_output(call, outputs, [&](const OutputRow& row) {
      writer.length_prefix(6, row.bytes.size());
      writer.payload(row.bytes, row.owner ? *row.owner : kNobody);
    });
  }
  if (!streamed_) return {};
  std::array<std::byte, 2 * wire::kMaxVarintBytes> head;
  auto* end = wire::write_varint(head.data(), wire::tag_of(2, WireType::kLength));
  end = wire::write_varint(end, reply.size());
  reply.text().insert(0, reinterpret_cast<const char*>(head.data()), static_cast<std::size_t>(end - head.data()));
  return {};
}

void write_stream_error(std::string_view id, const Status& status, std::string& reply) {
  wire::append_text(reply, 1, status.message().empty() ? status_code_name(status.code()) : status.message());
  if (id.empty()) return;
  wire::append_length_prefix(reply, 2, wire::text_field_size(3, id));
  wire::append_text(reply, 3, id);
}

}  // namespace ocelli::kserve_grpc
