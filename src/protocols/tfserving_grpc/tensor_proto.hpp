// TensorProto in its wire form: into a tensor, and from one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/status.hpp"
#include "protocols/wire/gather_writer.hpp"
#include "protocols/wire/tensor_bytes.hpp"

namespace ocelli::tfserving_grpc {

// tensorflow.DataType's numbers; 0 for what has none.
std::uint32_t dtype_of(DataType type) noexcept;
// "DT_FLOAT"; the number as text when it is unknown.
std::string dtype_name(std::uint64_t dtype);

// Reads a TensorProto: from tensor_content in place, or from the typed field that fits dtype; a typed field with one
// value fills the tensor. spec is the model's input of that name or null. Errors: kInvalidArgument with OVMS's texts.
Result<wire::InputTensor> read_tensor_proto(std::string_view name, const TensorSpec* spec, wire::Bytes message,
                                            const wire::InputSource& source);

// Writes tensors as TensorFlow Serving's clients expect them of OVMS: tensor_content by reference; half_val for FP16,
// int_val for UINT16 and string_val for strings.
class TensorProtoWriter {
 public:
  // Converts what has to be converted. Errors: kInternal when a string tensor's bytes are not well-formed.
  static Result<TensorProtoWriter> make(const Tensor& tensor, BufferPool& pool);
  // One number, DT_UINT64 of shape (1), in uint64_val, where OVMS's clients look for a sequence's id.
  static TensorProtoWriter of_number(std::uint64_t number, BufferPool& pool);

  // Of the whole message.
  [[nodiscard]] std::size_t size() const noexcept;
  void write(wire::GatherWriter& writer) const;

 private:
  std::uint32_t dtype_ = 0;
  Shape shape_;
  std::size_t shape_bytes_ = 0;
  std::uint32_t values_field_ = 0;  // 0: the bytes are already whole fields
  wire::Bytes values_;
  BufferRef owner_;
};

}  // namespace ocelli::tfserving_grpc
