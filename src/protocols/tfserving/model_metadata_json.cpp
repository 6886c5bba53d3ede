#include "protocols/tfserving/model_metadata_json.hpp"

#include <string_view>
#include <utility>
#include <vector>

#include "protocols/json/json_text.hpp"

namespace ocelli::tfserving {
namespace {

std::string_view tensorflow_name(DataType type) noexcept {
  switch (type) {
    case DataType::kBool:
      return "DT_BOOL";
    case DataType::kInt8:
      return "DT_INT8";
    case DataType::kInt16:
      return "DT_INT16";
    case DataType::kInt32:
      return "DT_INT32";
    case DataType::kInt64:
      return "DT_INT64";
    case DataType::kUint8:
      return "DT_UINT8";
    case DataType::kUint16:
      return "DT_UINT16";
    case DataType::kUint32:
      return "DT_UINT32";
    case DataType::kUint64:
      return "DT_UINT64";
    case DataType::kFp16:
      return "DT_HALF";
    case DataType::kBf16:
      return "DT_BFLOAT16";
    case DataType::kFp32:
      return "DT_FLOAT";
    case DataType::kFp64:
      return "DT_DOUBLE";
    case DataType::kString:
      return "DT_STRING";
    case DataType::kUndefined:
      break;
  }
  return "DT_INVALID";
}

// Containers and members, each on a line of its own.
class IndentedText {
 public:
  explicit IndentedText(std::string& text) : text_(text) {}

  void begin(char bracket) {
    text_.push_back(bracket);
    ++level_;
    empty_ = true;
  }
  void end(char bracket) {
    --level_;
    if (!empty_) line();
    text_.push_back(bracket);
    empty_ = false;
  }
  // Begins a member; its value follows.
  void key(std::string_view name) {
    item();
    json::append_quoted(text_, name);
    text_.append(": ");
  }
  // Begins an element of an array.
  void item() {
    if (!std::exchange(empty_, false)) text_.push_back(',');
    line();
  }
  void member(std::string_view name, std::string_view value) {
    key(name);
    json::append_quoted(text_, value);
  }
  void word(std::string_view value) { text_.append(value); }

 private:
  void line() { text_.append("\n").append(level_, ' '); }

  std::string& text_;
  std::size_t level_ = 0;
  bool empty_ = true;
};

void append_shape(IndentedText& out, const PartialShape& shape) {
  out.begin('{');
  out.key("dim");
  out.begin('[');
  for (const auto& dimension : shape.dims) {
    out.item();
    out.begin('{');
    out.member("size", std::to_string(dimension.extent_or_dynamic()));
    out.member("name", "");
    out.end('}');
  }
  out.end(']');
  out.key("unknownRank");
  out.word(shape.rank_known ? "false" : "true");
  out.end('}');
}

void append_tensors(IndentedText& out, const std::vector<TensorSpec>& tensors) {
  out.begin('{');
  for (const auto& tensor : tensors) {
    out.key(tensor.name);
    out.begin('{');
    out.member("dtype", tensorflow_name(tensor.type));
    out.key("tensorShape");
    append_shape(out, tensor.shape);
    out.member("name", tensor.name);
    out.end('}');
  }
  out.end('}');
}

void append_signature(IndentedText& out, const serving::ServableMetadata& metadata) {
  out.begin('{');
  out.member("@type", "type.googleapis.com/tensorflow.serving.SignatureDefMap");
  out.key("signatureDef");
  out.begin('{');
  out.key("serving_default");
  out.begin('{');
  out.key("inputs");
  append_tensors(out, metadata.inputs);
  out.key("outputs");
  append_tensors(out, metadata.outputs);
  out.member("methodName", "");
  out.end('}');
  out.end('}');
  out.end('}');
}

}  // namespace

void append_model_metadata(std::string& text, const serving::ServableMetadata& metadata) {
  IndentedText out(text);
  out.begin('{');
  out.key("modelSpec");
  out.begin('{');
  out.member("name", metadata.name);
  out.member("signatureName", "");
  out.member("version", std::to_string(metadata.version));
  out.end('}');
  out.key("metadata");
  out.begin('{');
  out.key("signature_def");
  append_signature(out, metadata);
  out.end('}');
  out.end('}');
}

}  // namespace ocelli::tfserving
