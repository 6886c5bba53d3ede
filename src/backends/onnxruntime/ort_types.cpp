#include "backends/onnxruntime/ort_types.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "tensor/string_tensor.hpp"

namespace ocelli::onnxruntime {
namespace {

struct TypePair {
  DataType ours;
  ONNXTensorElementDataType theirs;
};

constexpr std::array kTypes{
    TypePair{DataType::kBool, ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL},
    TypePair{DataType::kInt8, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8},
    TypePair{DataType::kInt16, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16},
    TypePair{DataType::kInt32, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32},
    TypePair{DataType::kInt64, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64},
    TypePair{DataType::kUint8, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8},
    TypePair{DataType::kUint16, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16},
    TypePair{DataType::kUint32, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32},
    TypePair{DataType::kUint64, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64},
    TypePair{DataType::kFp16, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16},
    TypePair{DataType::kBf16, ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16},
    TypePair{DataType::kFp32, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT},
    TypePair{DataType::kFp64, ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE},
    TypePair{DataType::kString, ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING},
};

Status check(const OrtApi& api, OrtStatus* status) { return take(api, status, StatusCode::kInternal); }

Result<TensorSpec> spec_of(const OrtApi& api, const OrtTypeInfo& type, std::string name) {
  const OrtTensorTypeAndShapeInfo* info = nullptr;
  if (auto status = check(api, api.CastTypeInfoToTensorInfo(&type, &info)); !status.ok()) return status;
  if (!info) return failed_precondition(fmt::format("{} is not a tensor", name));
  auto element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  std::size_t rank = 0;
  if (auto status = check(api, api.GetTensorElementType(info, &element)); !status.ok()) return status;
  if (auto status = check(api, api.GetDimensionsCount(info, &rank)); !status.ok()) return status;
  TensorSpec spec{std::move(name), from_ort(element), {}, ""};
  if (spec.type == DataType::kUndefined)
    return failed_precondition(
        fmt::format("{} has ONNX type {}, which cannot be served", spec.name, static_cast<int>(element)));
  if (rank > Shape::kMaxRank)
    return failed_precondition(fmt::format("{} has more than {} dimensions", spec.name, Shape::kMaxRank));
  std::vector<std::int64_t> dims(rank);
  if (auto status = check(api, api.GetDimensions(info, dims.data(), rank)); !status.ok()) return status;
  for (const auto extent : dims) spec.shape.dims.push_back(extent < 0 ? Dimension::any() : Dimension::fixed(extent));
  return spec;
}

struct Direction {
  OrtStatus*(ORT_API_CALL* count)(const OrtSession*, std::size_t*)NO_EXCEPTION;
  OrtStatus*(ORT_API_CALL* name)(const OrtSession*, std::size_t, OrtAllocator*, char**)NO_EXCEPTION;
  OrtStatus*(ORT_API_CALL* type)(const OrtSession*, std::size_t, OrtTypeInfo**)NO_EXCEPTION;
};

Result<std::vector<TensorSpec>> specs_of(const OrtApi& api, const OrtSession& session, const Direction& direction) {
  OrtAllocator* allocator = nullptr;
  std::size_t count = 0;
  if (auto status = check(api, api.GetAllocatorWithDefaultOptions(&allocator)); !status.ok()) return status;
  if (auto status = check(api, direction.count(&session, &count)); !status.ok()) return status;
  std::vector<TensorSpec> result;
  for (std::size_t i = 0; i < count; ++i) {
    char* text = nullptr;
    if (auto status = check(api, direction.name(&session, i, allocator, &text)); !status.ok()) return status;
    std::string name = text;
    allocator->Free(allocator, text);
    auto type = make_owner<OrtTypeInfo>(api, StatusCode::kInternal,
                                        [&](auto** out) { return direction.type(&session, i, out); });
    if (!type.ok()) return type.status();
    auto spec = spec_of(api, **type, std::move(name));
    if (!spec.ok()) return spec.status();
    result.push_back(std::move(*spec));
  }
  return result;
}

}  // namespace

DataType from_ort(ONNXTensorElementDataType type) noexcept {
  const auto found = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& pair) { return pair.theirs == type; });
  return found == kTypes.end() ? DataType::kUndefined : found->ours;
}

ONNXTensorElementDataType to_ort(DataType type) noexcept {
  const auto found = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& pair) { return pair.ours == type; });
  return found == kTypes.end() ? ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED : found->theirs;
}

Result<ModelSignature> signature_of(const OrtApi& api, const OrtSession& session) {
  auto inputs =
      specs_of(api, session, {api.SessionGetInputCount, api.SessionGetInputName, api.SessionGetInputTypeInfo});
  if (!inputs.ok()) return inputs.status();
  auto outputs =
      specs_of(api, session, {api.SessionGetOutputCount, api.SessionGetOutputName, api.SessionGetOutputTypeInfo});
  if (!outputs.ok()) return outputs.status();
  return ModelSignature{std::move(*inputs), std::move(*outputs)};
}

std::map<std::string, std::string> metadata_of(const OrtApi& api, const OrtSession& session) {
  std::map<std::string, std::string> result;
  OrtAllocator* allocator = nullptr;
  auto metadata = make_owner<OrtModelMetadata>(api, StatusCode::kInternal,
                                               [&](auto** out) { return api.SessionGetModelMetadata(&session, out); });
  if (!metadata.ok() || !check(api, api.GetAllocatorWithDefaultOptions(&allocator)).ok()) return result;
  char** keys = nullptr;
  std::int64_t count = 0;
  if (!check(api, api.ModelMetadataGetCustomMetadataMapKeys(metadata->get(), allocator, &keys, &count)).ok() || !keys)
    return result;
  for (std::int64_t i = 0; i < count; ++i) {
    char* value = nullptr;
    if (check(api, api.ModelMetadataLookupCustomMetadataMap(metadata->get(), allocator, keys[i], &value)).ok() &&
        value) {
      result.emplace(keys[i], value);
      allocator->Free(allocator, value);
    }
    allocator->Free(allocator, keys[i]);
  }
  allocator->Free(allocator, keys);
  return result;
}

Result<TensorView> view_of(const OrtApi& api, OrtValue& value) {
  auto info = make_owner<OrtTensorTypeAndShapeInfo>(api, StatusCode::kInternal,
                                                    [&](auto** out) { return api.GetTensorTypeAndShape(&value, out); });
  if (!info.ok()) return info.status();
  auto element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  std::size_t rank = 0;
  if (auto status = check(api, api.GetTensorElementType(info->get(), &element)); !status.ok()) return status;
  if (auto status = check(api, api.GetDimensionsCount(info->get(), &rank)); !status.ok()) return status;
  if (rank > Shape::kMaxRank)
    return internal_error(fmt::format("an output has more than {} dimensions", Shape::kMaxRank));
  std::array<std::int64_t, Shape::kMaxRank> dims{};
  if (auto status = check(api, api.GetDimensions(info->get(), dims.data(), rank)); !status.ok()) return status;
  TensorView view{from_ort(element), Shape(std::span<const std::int64_t>(dims.data(), rank)), nullptr, 0};
  if (view.type == DataType::kString) return view;
  void* data = nullptr;
  if (auto status = check(api, api.GetTensorMutableData(&value, &data)); !status.ok()) return status;
  view.data = static_cast<std::byte*>(data);
  view.bytes = view.shape.element_count().value_or(0) * element_size(view.type);
  return view;
}

Status fill_strings(const OrtApi& api, OrtValue& value, const TensorView& packed) {
  const auto elements = unpack_strings({packed.data, packed.bytes}, packed.shape.element_count().value_or(0));
  if (!elements.ok()) return elements.status();
  for (std::size_t i = 0; i < elements->size(); ++i) {
    const std::string_view text = (*elements)[i];
    char* buffer = nullptr;
    // Elements may hold zero bytes, so the interface for terminated strings will not do.
    if (auto status = check(api, api.GetResizedStringTensorElementBuffer(&value, i, text.size(), &buffer));
        !status.ok())
      return status;
    if (!text.empty()) std::memcpy(buffer, text.data(), text.size());
  }
  return {};
}

Status read_strings(const OrtApi& api, const OrtValue& value, std::size_t count, std::vector<std::byte>& packed) {
  std::size_t total = 0;
  if (auto status = check(api, api.GetStringTensorDataLength(&value, &total)); !status.ok()) return status;
  std::string content(total, '\0');
  std::vector<std::size_t> offsets(count);
  if (auto status = check(api, api.GetStringTensorContent(&value, content.data(), total, offsets.data(), count));
      !status.ok())
    return status;
  std::vector<std::string_view> elements;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t end = i + 1 < count ? offsets[i + 1] : total;
    elements.push_back(std::string_view(content).substr(offsets[i], end - offsets[i]));
  }
  packed.resize(packed_size(elements));
  pack_strings(elements, packed.data());
  return {};
}

}  // namespace ocelli::onnxruntime
