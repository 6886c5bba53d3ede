#include "protocols/tfserving/predict_reply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "protocols/json/base64.hpp"
#include "protocols/json/json_text.hpp"
#include "serving/servable.hpp"
#include "tensor/string_tensor.hpp"

namespace ocelli::tfserving {
namespace {

constexpr std::string_view kSeparator = ", ";
constexpr std::int64_t kMostEmptyLists = 1'000'000;

// One output ready for writing: its strings are unpacked.
struct Output {
  std::string_view name;
  TensorView view;
  std::vector<std::string_view> strings;
};

// Writes values at a place in the document that is `levels` containers deep; objects begin new lines there, arrays do
// not.
class ReplyWriter {
 public:
  ReplyWriter(const serving::InferenceCall& call, std::string& text) : call_(call), text_(text) {}

  Status run(PredictFormat format) {
    for (const auto& output : call_.outputs) {
      if (auto status = add(output.name, output.tensor.view); !status.ok()) return status;
    }
    if (call_.sequence_id) sequence_ = *call_.sequence_id;
    if (call_.sequence_id) {
      constexpr std::string_view kSequenceId = "sequence_id";
      outputs_.insert(
          std::ranges::upper_bound(outputs_, kSequenceId, {}, &Output::name),
          {kSequenceId, {DataType::kUint64, Shape{1}, reinterpret_cast<std::byte*>(&sequence_), sizeof sequence_}, {}});
    }
    text_.append(format == PredictFormat::kRow ? "{\n    \"predictions\": " : "{\n    \"outputs\": ");
    auto status = format == PredictFormat::kRow ? write_rows() : write_columns();
    text_.append("\n}");
    return status;
  }

 private:
  Status add(std::string_view name, const TensorView& view) {
    if (auto status = check_lists(name, view.shape); !status.ok()) return status;
    outputs_.push_back({name, view, {}});
    if (view.type != DataType::kString) return {};
    auto strings = unpack_strings({view.data, view.bytes}, view.shape.element_count().value_or(0));
    if (!strings.ok()) return internal_error(std::string(strings.status().message()));
    outputs_.back().strings = std::move(strings).value();
    return {};
  }

  // Lists that hold nothing take no memory in a tensor, but each of them is written.
  static Status check_lists(std::string_view name, const Shape& shape) {
    if (std::ranges::find(shape, 0) == shape.end()) return {};
    std::int64_t lists = 1;
    for (const auto extent : shape) {
      if (extent == 0) return {};
      if (lists > kMostEmptyLists / extent) break;
      lists *= extent;
    }
    return invalid_argument(
        fmt::format("Output has too many lists without elements - Limit: {}; Actual: {}; output name: {}",
                    kMostEmptyLists, shape.to_string(), name));
  }

  Status write_columns() {
    if (outputs_.size() == 1) return write_tensor(outputs_.front(), 0, 0, elements(outputs_.front()));
    return write_object(1, [this](const Output& output) { return write_tensor(output, 0, 0, elements(output)); });
  }

  Status write_rows() {
    const auto rows = outputs_.empty() ? 0 : first_extent(outputs_.front());
    for (const auto& output : outputs_) {
      if (output.view.shape.rank() > 0 && first_extent(output) == rows) continue;
      return invalid_argument(fmt::format(
          "Outputs have no common batch size: ask in the column format, by \"inputs\" - Expected: {}; Actual: "
          "{}; output name: {}",
          rows, output.view.shape.to_string(), output.name));
    }
    text_.push_back('[');
    for (std::size_t row = 0; row < rows; ++row) {
      if (row > 0) text_.append(kSeparator);
      const auto write = [this, row, rows](const Output& output) {
        const std::size_t size = elements(output) / rows;
        return write_tensor(output, 1, row * size, size);
      };
      auto status = outputs_.size() == 1 ? write(outputs_.front()) : write_object(2, write);
      if (!status.ok()) return status;
    }
    text_.push_back(']');
    return {};
  }

  // {name: value, ...} inside of `levels` containers.
  template <typename Write>
  Status write_object(std::size_t levels, Write write) {
    constexpr std::size_t kIndent = 4;
    text_.push_back('{');
    bool first = true;
    for (const auto& output : outputs_) {
      if (!std::exchange(first, false)) text_.push_back(',');
      text_.append("\n").append((levels + 1) * kIndent, ' ');
      json::append_quoted(text_, output.name);
      text_.append(": ");
      if (auto status = write(output); !status.ok()) return status;
    }
    text_.append("\n").append(levels * kIndent, ' ').push_back('}');
    return {};
  }

  // `count` elements from `first` as nested lists by the extents from `dimension` on.
  Status write_tensor(const Output& output, std::size_t dimension, std::size_t first, std::size_t count) {
    const auto& shape = output.view.shape;
    if (dimension >= shape.rank()) return write_elements(output, first, count);
    text_.push_back('[');
    if (dimension + 1 == shape.rank()) {
      if (auto status = write_elements(output, first, count); !status.ok()) return status;
    } else if (const auto extent = static_cast<std::size_t>(shape[dimension]); extent > 0) {
      const std::size_t size = count / extent;
      for (std::size_t i = 0; i < extent; ++i) {
        if (i > 0) text_.append(kSeparator);
        if (auto status = write_tensor(output, dimension + 1, first + i * size, size); !status.ok()) return status;
      }
    }
    text_.push_back(']');
    return {};
  }

  Status write_elements(const Output& output, std::size_t first, std::size_t count) {
    if (output.view.type != DataType::kString)
      return json::append_elements(text_, output.view, first, count, kSeparator, output.name);
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) text_.append(kSeparator);
      write_string(output, output.strings[first + i]);
    }
    return {};
  }

  void write_string(const Output& output, std::string_view value) {
    if (!output.name.ends_with("_bytes") && json::is_utf8(value)) return json::append_quoted(text_, value);
    text_.append("{\"b64\": \"");
    json::append_base64(text_, value);
    text_.append("\"}");
  }

  static std::size_t first_extent(const Output& output) noexcept {
    return output.view.shape.rank() > 0 ? static_cast<std::size_t>(output.view.shape[0]) : 0;
  }

  static std::size_t elements(const Output& output) noexcept { return output.view.shape.element_count().value_or(0); }

  const serving::InferenceCall& call_;
  std::string& text_;
  std::vector<Output> outputs_;
  std::uint64_t sequence_ = 0;
};

}  // namespace

Status write_predict_reply(const serving::InferenceCall& call, PredictFormat format, std::string& text) {
  return ReplyWriter(call, text).run(format);
}

}  // namespace ocelli::tfserving
