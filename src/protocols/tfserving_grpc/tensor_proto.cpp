#include "protocols/tfserving_grpc/tensor_proto.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>

namespace ocelli::tfserving_grpc {
namespace {

using wire::Field;
using wire::WireReader;
using wire::WireType;

// Field numbers of tensorflow.TensorProto and TensorShapeProto (proto/tensorflow/core/framework).
constexpr std::uint32_t kContentField = 4;
constexpr std::uint32_t kIntField = 7;
constexpr std::uint32_t kStringField = 8;
constexpr std::uint32_t kHalfField = 13;
constexpr std::uint32_t kUint64Field = 17;

// Names of a TensorProto's fields with values, by number.
constexpr std::array<std::string_view, 18> kValueNames{"",
                                                       "",
                                                       "",
                                                       "",
                                                       "tensor_content",
                                                       "float_val",
                                                       "double_val",
                                                       "int_val",
                                                       "string_val",
                                                       "scomplex_val",
                                                       "int64_val",
                                                       "bool_val",
                                                       "dcomplex_val",
                                                       "half_val",
                                                       "resource_handle_val",
                                                       "variant_val",
                                                       "uint32_val",
                                                       "uint64_val"};
constexpr wire::FieldSet kValueFields = 0x3FFF0;

struct TypeRow {
  DataType type;
  std::uint32_t dtype;
  std::string_view name;
  std::uint32_t values_field;
  WireType element;
};

constexpr std::array kTypes{
    TypeRow{DataType::kFp32, 1, "DT_FLOAT", 5, WireType::kFixed32},
    TypeRow{DataType::kFp64, 2, "DT_DOUBLE", 6, WireType::kFixed64},
    TypeRow{DataType::kInt32, 3, "DT_INT32", kIntField, WireType::kVarint},
    TypeRow{DataType::kUint8, 4, "DT_UINT8", kIntField, WireType::kVarint},
    TypeRow{DataType::kInt16, 5, "DT_INT16", kIntField, WireType::kVarint},
    TypeRow{DataType::kInt8, 6, "DT_INT8", kIntField, WireType::kVarint},
    TypeRow{DataType::kString, 7, "DT_STRING", kStringField, WireType::kLength},
    TypeRow{DataType::kUndefined, 8, "DT_COMPLEX64", 0, WireType::kVarint},
    TypeRow{DataType::kInt64, 9, "DT_INT64", 10, WireType::kVarint},
    TypeRow{DataType::kBool, 10, "DT_BOOL", 11, WireType::kVarint},
    TypeRow{DataType::kUndefined, 11, "DT_QINT8", 0, WireType::kVarint},
    TypeRow{DataType::kUndefined, 12, "DT_QUINT8", 0, WireType::kVarint},
    TypeRow{DataType::kUndefined, 13, "DT_QINT32", 0, WireType::kVarint},
    TypeRow{DataType::kBf16, 14, "DT_BFLOAT16", kHalfField, WireType::kVarint},
    TypeRow{DataType::kUint16, 17, "DT_UINT16", kIntField, WireType::kVarint},
    TypeRow{DataType::kUndefined, 18, "DT_COMPLEX128", 0, WireType::kVarint},
    TypeRow{DataType::kFp16, 19, "DT_HALF", kHalfField, WireType::kVarint},
    TypeRow{DataType::kUint32, 22, "DT_UINT32", 16, WireType::kVarint},
    TypeRow{DataType::kUint64, 23, "DT_UINT64", 17, WireType::kVarint},
};

const TypeRow* row_of(std::uint64_t dtype) noexcept {
  for (const auto& row : kTypes) {
    if (row.dtype == dtype) return &row;
  }
  return nullptr;
}

// What a TensorProto says before its elements.
struct TensorHead {
  std::uint64_t dtype = 0;
  Shape shape;
  bool unknown_rank = false;
  wire::Bytes content;
  wire::FieldSet fields = 0;  // those that hold something
};

Status read_dim(wire::Bytes message, Shape& shape, std::string_view name) {
  std::int64_t extent = 0;
  WireReader reader(message);
  Field field;
  while (reader.next(field)) {
    if (field.is(1, WireType::kVarint)) extent = field.as_int64();
  }
  if (!reader.ok()) return wire::malformed_message();
  if (shape.rank() == Shape::kMaxRank) {
    return invalid_argument(
        fmt::format("Invalid number of shape dimensions - Expected: at most {}; Actual: more; input name: {}",
                    Shape::kMaxRank, name));
  }
  shape.push_back(extent);
  return {};
}

Status read_shape(wire::Bytes message, TensorHead& head, std::string_view name) {
  WireReader reader(message);
  Field field;
  while (reader.next(field)) {
    if (field.is(3, WireType::kVarint)) head.unknown_rank = field.as_bool();
    if (!field.is(2, WireType::kLength)) continue;
    if (auto status = read_dim(field.bytes, head.shape, name); !status.ok()) return status;
  }
  return reader.ok() ? Status() : wire::malformed_message();
}

Status read_head(wire::Bytes message, TensorHead& head, std::string_view name) {
  WireReader reader(message);
  Field field;
  while (reader.next(field)) {
    head.fields |= wire::filled_bit(field);
    if (field.is(1, WireType::kVarint)) {
      head.dtype = field.value;
    } else if (field.is(2, WireType::kLength)) {
      if (auto status = read_shape(field.bytes, head, name); !status.ok()) return status;
    } else if (field.is(kContentField, WireType::kLength)) {
      head.content = field.bytes;
    }
  }
  return reader.ok() ? Status() : wire::malformed_message();
}

// A tensor that may have any shape has none that could be checked.
wire::InputTensor of_unknown_rank(wire::InputHead head) {
  // Another type than the model's is told first.
  if (head.spec && head.type != head.spec->type && head.type != DataType::kString) return wire::without_values(head);
  head.type = DataType::kUndefined;
  return wire::without_values(
      head, invalid_argument(fmt::format("Invalid input shape - Expected: {}; Actual: unknown rank; input name: {}",
                                         head.spec ? head.spec->shape.to_string() : "a known rank", head.name)));
}

// given: fields with values. One of those that the type travels in may be there.
Status check_fields(const wire::InputHead& head, const TypeRow& row, wire::FieldSet given) {
  constexpr auto kContent = wire::field_bit(kContentField);
  if (given == 0 || given == wire::field_bit(row.values_field)) return {};
  const bool text = row.type == DataType::kString;
  if (given != kContent) {
    const auto values = kValueNames[row.values_field];
    return wire::wrong_value_fields(head, text ? std::string(values) : fmt::format("tensor_content or {}", values),
                                    given, kValueNames);
  }
  if (!text) return {};
  return invalid_argument(
      fmt::format("DT_STRING tensors travel in string_val, not in tensor_content; input name: {}", head.name));
}

// Every 16-bit element as a varint, at most three bytes each.
wire::Bytes widen_to_varints(const TensorView& view, const BufferRef& room) noexcept {
  auto* out = room->data();
  for (std::size_t at = 0; at + 2 <= view.bytes; at += 2) {
    std::uint16_t bits;
    std::memcpy(&bits, view.data + at, sizeof bits);
    out = wire::write_varint(out, bits);
  }
  return {room->data(), static_cast<std::size_t>(out - room->data())};
}

// The packed strings as string_val fields. Empty: malformed.
std::optional<wire::Bytes> strings_to_fields(const TensorView& view, const BufferRef& room) noexcept {
  auto* out = room->data();
  const auto* at = view.data;
  const auto* end = at + view.bytes;
  while (at != end) {
    std::uint32_t length = 0;
    if (static_cast<std::size_t>(end - at) < sizeof length) return std::nullopt;
    std::memcpy(&length, at, sizeof length);
    at += sizeof length;
    if (length > static_cast<std::size_t>(end - at)) return std::nullopt;
    out = wire::write_varint(out, wire::tag_of(kStringField, WireType::kLength));
    out = wire::write_varint(out, length);
    if (length > 0) std::memcpy(out, at, length);
    out += length;
    at += length;
  }
  return wire::Bytes{room->data(), static_cast<std::size_t>(out - room->data())};
}

std::size_t dim_size(std::int64_t extent) noexcept {
  return extent == 0 ? 0 : wire::varint_field_size(1, static_cast<std::uint64_t>(extent));
}

}  // namespace

std::uint32_t dtype_of(DataType type) noexcept {
  for (const auto& row : kTypes) {
    if (row.type == type && type != DataType::kUndefined) return row.dtype;
  }
  return 0;
}

std::string dtype_name(std::uint64_t dtype) {
  const auto* row = row_of(dtype);
  if (row) return std::string(row->name);
  return dtype == 0 ? "DT_INVALID" : fmt::format("data type {}", dtype);
}

Result<wire::InputTensor> read_tensor_proto(std::string_view name, const TensorSpec* spec, wire::Bytes message,
                                            const wire::InputSource& source) {
  TensorHead tensor;
  if (auto status = read_head(message, tensor, name); !status.ok()) return status;
  const auto* row = row_of(tensor.dtype);
  const wire::InputHead head{name, row ? row->type : DataType::kUndefined, tensor.shape, spec};
  if (head.type == DataType::kUndefined)
    return wire::without_values(head, wire::wrong_precision(head, dtype_name(tensor.dtype)));
  if (tensor.unknown_rank) return of_unknown_rank(head);
  if (auto fault = check_fields(head, *row, tensor.fields & kValueFields); !fault.ok())
    return wire::without_values(head, std::move(fault));
  if (!tensor.content.empty()) return wire::InputTensor{wire::tensor_in_place(head, tensor.content, source)};
  const auto values = wire::RepeatedValues::find(message, row->values_field, row->element);
  if (!values) return wire::malformed_message();
  return wire::tensor_from_values(head, *values, true, source);
}

Result<TensorProtoWriter> TensorProtoWriter::make(const Tensor& tensor, BufferPool& pool) {
  const auto& view = tensor.view;
  TensorProtoWriter writer;
  writer.dtype_ = dtype_of(view.type);
  writer.shape_ = view.shape;
  for (const auto extent : view.shape) writer.shape_bytes_ += wire::length_field_size(2, dim_size(extent));
  if (view.type == DataType::kFp16 || view.type == DataType::kUint16) {
    writer.values_field_ = view.type == DataType::kFp16 ? kHalfField : kIntField;
    writer.owner_ = pool.get(view.bytes / 2 * 3);
    writer.values_ = widen_to_varints(view, writer.owner_);
  } else if (view.type == DataType::kString) {
    // Tag and length of a field take at most two bytes more than the four of the packed form.
    writer.owner_ = pool.get(view.bytes / sizeof(std::uint32_t) * 2 + view.bytes);
    const auto fields = strings_to_fields(view, writer.owner_);
    if (!fields) return internal_error("The model's string output is malformed");
    writer.values_ = *fields;
  } else {
    writer.values_field_ = kContentField;
    writer.values_ = {view.data, view.bytes};
    writer.owner_ = tensor.owner;
  }
  return writer;
}

TensorProtoWriter TensorProtoWriter::of_number(std::uint64_t number, BufferPool& pool) {
  TensorProtoWriter writer;
  writer.dtype_ = dtype_of(DataType::kUint64);
  writer.shape_ = {1};
  writer.shape_bytes_ = wire::length_field_size(2, dim_size(1));
  writer.values_field_ = kUint64Field;
  constexpr std::size_t kLongestVarint = 10;
  writer.owner_ = pool.get(kLongestVarint);
  const auto* end = wire::write_varint(writer.owner_->data(), number);
  writer.values_ = {writer.owner_->data(), static_cast<std::size_t>(end - writer.owner_->data())};
  return writer;
}

std::size_t TensorProtoWriter::size() const noexcept {
  const auto values = values_field_ == 0 ? values_.size()
                      : values_.empty()  ? 0
                                         : wire::length_field_size(values_field_, values_.size());
  return wire::varint_field_size(1, dtype_) + wire::length_field_size(2, shape_bytes_) + values;
}

void TensorProtoWriter::write(wire::GatherWriter& writer) const {
  writer.integer(1, dtype_);
  writer.length_prefix(2, shape_bytes_);
  for (const auto extent : shape_) {
    writer.length_prefix(2, dim_size(extent));
    writer.integer(1, static_cast<std::uint64_t>(extent));
  }
  if (values_.empty()) return;
  if (values_field_ != 0) writer.length_prefix(values_field_, values_.size());
  writer.payload(values_, owner_);
}

}  // namespace ocelli::tfserving_grpc
