#include "backends/armnn/network_file.hpp"

#include <fmt/format.h>

#include <armnn/TypesUtils.hpp>
#include <armnnDeserializer/IDeserializer.hpp>
#include <armnnTfLiteParser/ITfLiteParser.hpp>
#include <fstream>
#include <span>

#include "backends/armnn/armnn_types.hpp"
#include "backends/armnn/tflite_check.hpp"

namespace ocelli::arm_nn {
namespace {

// ARM NN says the same thing in one exception type, whatever went wrong.
StatusCode code_of(std::string_view text) {
  const bool is_lack = text.find("upported") != std::string_view::npos ||
                       text.find("MaxNumOfTensorDimensions") != std::string_view::npos;
  return is_lack ? StatusCode::kFailedPrecondition : StatusCode::kInternal;
}

Status add_port(const char* kind, const ModelSummary::Port& port, ::armnn::LayerBindingId id,
                const ::armnn::TensorInfo& info, std::vector<TensorSpec>& specs,
                std::vector<NetworkFile::Binding>& bindings) {
  const DataType type = to_data_type(info.GetDataType());
  if (type == DataType::kUndefined) {
    return failed_precondition(fmt::format("{} {} has the type {}, which is not supported", kind, port.name,
                                           ::armnn::GetDataTypeName(info.GetDataType())));
  }
  const bool is_scalar = port.is_scalar && info.GetNumElements() == 1;
  const Shape shape = is_scalar ? Shape{} : to_shape(info.GetShape());
  const std::string name = port.name.empty() ? fmt::format("{}_{}", kind, specs.size()) : port.name;
  specs.push_back({name, type, PartialShape::from(shape), ""});
  bindings.push_back({id, info});
  return {};
}

Status read_tflite(const std::vector<std::uint8_t>& content, NetworkFile& file) {
  const auto parser = armnnTfLiteParser::ITfLiteParser::Create();
  file.network = parser->CreateNetworkFromBinary(content);
  for (const auto& port : file.summary.inputs) {
    const auto [id, info] = parser->GetNetworkInputBindingInfo(0, port.name);
    if (auto status = add_port("input", port, id, info, file.signature.inputs, file.inputs); !status.ok())
      return status;
  }
  for (const auto& port : file.summary.outputs) {
    const auto [id, info] = parser->GetNetworkOutputBindingInfo(0, port.name);
    if (auto status = add_port("output", port, id, info, file.signature.outputs, file.outputs); !status.ok())
      return status;
  }
  return {};
}

Status read_armnn(const std::vector<std::uint8_t>& content, NetworkFile& file) {
  const auto reader = armnnDeserializer::IDeserializer::Create();
  file.network = reader->CreateNetworkFromBinary(content);
  for (const auto& port : file.summary.inputs) {
    const auto info = reader->GetNetworkInputBindingInfo(0, port.name);
    auto status = add_port("input", port, info.m_BindingId, info.m_TensorInfo, file.signature.inputs, file.inputs);
    if (!status.ok()) return status;
  }
  for (const auto& port : file.summary.outputs) {
    const auto info = reader->GetNetworkOutputBindingInfo(0, port.name);
    auto status = add_port("output", port, info.m_BindingId, info.m_TensorInfo, file.signature.outputs, file.outputs);
    if (!status.ok()) return status;
  }
  return {};
}

// ARM NN's readers tell the number of a type that they lack; this is its name.
std::string type_hint(const ModelSummary& summary) {
  std::string types;
  for (const auto* ports : {&summary.inputs, &summary.outputs}) {
    for (const auto& port : *ports) {
      if (!port.type.empty()) types += fmt::format("{}{} {}", types.empty() ? "" : ", ", port.name, port.type);
    }
  }
  return types.empty() ? "" : fmt::format(" (its tensors: {})", types);
}

}  // namespace

Result<std::vector<std::uint8_t>> read_model_file(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    return not_found(fmt::format("model file {} does not exist", path.string()));
  const auto size = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  if (error || !file) return internal_error(fmt::format("model file {} cannot be opened", path.string()));
  std::vector<std::uint8_t> content(size);
  file.read(reinterpret_cast<char*>(content.data()), static_cast<std::streamsize>(size));
  if (static_cast<std::uintmax_t>(file.gcount()) != size)
    return internal_error(fmt::format("model file {} cannot be read to its end", path.string()));
  return content;
}

Result<NetworkFile> parse_network(const ModelSource& source, const std::vector<std::uint8_t>& content) {
  const std::string what = fmt::format("{} file {}", model_format_name(source.format), source.path.string());
  const auto bytes = std::as_bytes(std::span(content));
  auto summary = summarize(source.format, bytes);
  if (!summary) return internal_error(fmt::format("{} cannot be read: it is broken or cut off", what));
  if (source.format == ModelFormat::kTflite) {
    if (const auto fault = find_tflite_fault(bytes); !fault.empty())
      return internal_error(fmt::format("{} cannot be read: it is broken: {}", what, fault));
  }
  if (!summary->tensor_without_scale.empty()) {
    return failed_precondition(
        fmt::format("{}: ARM NN takes tensors of 8 bits only with a quantization scale, and {} has none", what,
                    summary->tensor_without_scale));
  }
  NetworkFile file;
  file.summary = std::move(*summary);
  try {
    const Status status =
        source.format == ModelFormat::kTflite ? read_tflite(content, file) : read_armnn(content, file);
    if (!status.ok()) return Status(status.code(), fmt::format("{}: {}", what, status.message()));
  } catch (const std::exception& failure) {
    Status status = to_status(failure, code_of(failure.what()), what + " cannot be read by ARM NN");
    if (status.code() != StatusCode::kFailedPrecondition) return status;
    return Status(status.code(), std::string(status.message()) + type_hint(file.summary));
  }
  return file;
}

}  // namespace ocelli::arm_nn
