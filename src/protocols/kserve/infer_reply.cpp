#include "protocols/kserve/infer_reply.hpp"

#include <array>
#include <string>
#include <string_view>

#include "protocols/classification/classification.hpp"
#include "protocols/json/json_text.hpp"
#include "serving/servable.hpp"
#include "tensor/string_tensor.hpp"

namespace ocelli::kserve {
namespace {

constexpr std::string_view kElementSeparator = ", ";
constexpr std::string_view kSequenceId = "sequence_id";
OutputFormat format_of(const InferRequest& request, std::string_view output_name) noexcept {
  const auto& requested = request.call.requested;
  for (std::size_t i = 0; i < requested.size(); ++i) {
    if (requested[i].name == output_name) return request.formats[i];
  }
  OutputFormat format;
  format.binary = request.binary_outputs;
  return format;
}

// Writes the text of one reply: multi-line, four spaces a level, arrays on one line.
class ReplyWriter {
 public:
  ReplyWriter(const InferRequest& request, transport::ReplyBody& reply)
      : request_(request), reply_(reply), text_(reply.text()) {}

  Result<std::size_t> run() {
    const auto& call = request_.call;
    const auto& metadata = call.servable->metadata();
    text_.append("{\n    \"model_name\": ");
    json::append_quoted(text_, metadata.name);
    if (request_.id) {
      text_.append(",\n    \"id\": ");
      json::append_quoted(text_, *request_.id);
    }
    text_.append(",\n    \"model_version\": \"");
    json::append_integer(text_, metadata.version);
    text_.append("\",\n    \"outputs\": [");
    bool sequence_due = call.sequence_id.has_value();
    for (const auto& output : call.outputs) {
      if (sequence_due && output.name > kSequenceId) {
        write_sequence(*call.sequence_id);
        sequence_due = false;
      }
      if (auto status = write_output(output); !status.ok()) return status;
    }
    if (sequence_due) write_sequence(*call.sequence_id);
    text_.append("]\n}");
    return binary_ ? text_.size() : 0;
  }

 private:
  void begin_output(std::string_view name, const Shape& shape, DataType type) {
    text_.append(first_ ? "{\n" : ", {\n");
    first_ = false;
    text_.append("            \"name\": ");
    json::append_quoted(text_, name);
    text_.append(",\n            \"shape\": [");
    for (std::size_t i = 0; i < shape.rank(); ++i) {
      if (i > 0) text_.append(kElementSeparator);
      json::append_integer(text_, shape[i]);
    }
    text_.append("],\n            \"datatype\": \"").append(kserve_name(type)).append("\"");
  }

  void end_output() { text_.append("\n        }"); }

  Status write_output(const serving::CallOutput& output) {
    const auto& view = output.tensor.view;
    const OutputFormat format = format_of(request_, output.name);
    begin_output(output.name, view.shape, view.type);
    Status status;
    if (output.in_destination) {
      write_region(format, view.bytes);
    } else if (format.binary) {
      text_.append(",\n            \"parameters\": {\n                \"binary_data_size\": ");
      json::append_unsigned(text_, view.bytes);
      text_.append("\n            }");
      reply_.add({view.data, view.bytes}, output.tensor.owner);
      binary_ = true;
    } else {
      text_.append(",\n            \"data\": [");
      status = write_data(output);
      text_.append("]");
    }
    end_output();
    return status;
  }

  void write_region(const OutputFormat& format, std::size_t bytes) {
    text_.append(",\n            \"parameters\": {\n                \"shared_memory_region\": ");
    json::append_quoted(text_, format.region);
    text_.append(",\n                \"shared_memory_offset\": ");
    json::append_unsigned(text_, format.region_offset);
    text_.append(",\n                \"shared_memory_byte_size\": ");
    json::append_unsigned(text_, bytes);
    text_.append("\n            }");
  }

  Status write_data(const serving::CallOutput& output) {
    const auto& view = output.tensor.view;
    if (view.type != DataType::kString) {
      return json::append_elements(text_, view, 0, view.bytes / element_size(view.type), kElementSeparator,
                                   output.name);
    }
    const auto elements = unpack_strings({view.data, view.bytes});
    if (!elements.ok()) return internal_error(std::string(elements.status().message()));
    return json::append_strings(text_, *elements, kElementSeparator, output.name);
  }

  // Stateful models answer their sequence as one more output, in its place by name.
  void write_sequence(std::uint64_t id) {
    begin_output(kSequenceId, Shape{1}, DataType::kUint64);
    text_.append(",\n            \"data\": [");
    json::append_unsigned(text_, id);
    text_.append("]");
    end_output();
  }

  const InferRequest& request_;
  transport::ReplyBody& reply_;
  std::string& text_;
  bool first_ = true;
  bool binary_ = false;
};

}  // namespace

Result<std::size_t> write_infer_reply(const InferRequest& request, transport::ReplyBody& reply) {
  return ReplyWriter(request, reply).run();
}

Status classify_outputs(InferRequest& request, ChargedPool pool) {
  for (auto& output : request.call.outputs) {
    const auto classes = format_of(request, output.name).classes;
    if (classes == 0) continue;
    auto tensor = classification::classify(output, request.call.servable->metadata(), classes, pool);
    if (!tensor.ok()) return std::move(tensor).status();
    output.tensor = std::move(tensor).value();
  }
  return {};
}

std::size_t json_tensor_bytes(const InferRequest& request) noexcept {
  std::size_t bytes = 0;
  for (const auto& output : request.call.outputs) {
    if (!output.in_destination && !format_of(request, output.name).binary) bytes += output.tensor.view.bytes;
  }
  return bytes;
}

}  // namespace ocelli::kserve
