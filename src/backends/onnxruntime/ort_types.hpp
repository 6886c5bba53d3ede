// Our types and ONNX Runtime's, both ways.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "backends/onnxruntime/ort_api.hpp"
#include "runtime/model_signature.hpp"
#include "tensor/data_type.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli::onnxruntime {

// kUndefined for types that we do not carry (complex, f8, int4, ...).
DataType from_ort(ONNXTensorElementDataType type) noexcept;
ONNXTensorElementDataType to_ort(DataType type) noexcept;

// The session's inputs and outputs. Errors: kFailedPrecondition for what is not a tensor of a type that can be served.
Result<ModelSignature> signature_of(const OrtApi& api, const OrtSession& session);

// The file's metadata_props.
std::map<std::string, std::string> metadata_of(const OrtApi& api, const OrtSession& session);

// Type, shape, and for other than strings the bytes, of a value that ONNX Runtime made.
Result<TensorView> view_of(const OrtApi& api, OrtValue& value);

// Strings out of our packed form, and into it. Errors: kInvalidArgument for a packed block that lies about its lengths.
Status fill_strings(const OrtApi& api, OrtValue& value, const TensorView& packed);
Status read_strings(const OrtApi& api, const OrtValue& value, std::size_t count, std::vector<std::byte>& packed);

}  // namespace ocelli::onnxruntime
