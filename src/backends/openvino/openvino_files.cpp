#include "backends/openvino/openvino_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "backends/onnx_file/onnx_summary.hpp"
#include "backends/tensor_bundle/bundle_check.hpp"

namespace ocelli::openvino {
namespace {

// An IR begins with a tag and ends with the end of its root element.
bool is_whole_xml(const std::filesystem::path& path) {
  constexpr std::streamoff kTail = 64;
  std::ifstream file(path, std::ios::binary);
  char first = 0;
  file >> first;
  if (first == '\xef') {  // a byte order mark
    file.ignore(2);
    file >> first;
  }
  file.seekg(0, std::ios::end);
  const std::streamoff size = file.tellg();
  if (!file || first != '<') return false;
  file.seekg(std::max<std::streamoff>(0, size - kTail));
  std::string tail(static_cast<std::size_t>(std::min(size, kTail)), '\0');
  file.read(tail.data(), static_cast<std::streamsize>(tail.size()));
  return tail.find("</net>") != std::string::npos;
}

}  // namespace

Status check_file(const ModelSource& source) {
  std::error_code error;
  if (!std::filesystem::exists(source.path, error))
    return not_found(fmt::format("model file {} does not exist", source.path.string()));
  // OpenVINO reads beyond what it has, or for ever, where the index of variables is damaged.
  if (source.format == ModelFormat::kTensorflow) return tensor_bundle::check_bundle(source.path);
  const bool is_whole = source.format == ModelFormat::kOpenvinoIr ? is_whole_xml(source.path)
                        : source.format == ModelFormat::kOnnx     ? onnx_file::summarize_onnx(source.path).has_value()
                                                                  : true;
  if (is_whole) return {};
  return internal_error(fmt::format("{} file {} cannot be read: it is broken or cut off",
                                    model_format_name(source.format), source.path.string()));
}

}  // namespace ocelli::openvino
