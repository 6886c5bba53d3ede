#include "backends/onnx_file/onnx_summary.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>

namespace ocelli::onnx_file {
namespace {

// Field numbers of onnx.proto3.
namespace field {
constexpr std::uint32_t kModelGraph = 7;
constexpr std::uint32_t kGraphNode = 1;
constexpr std::uint32_t kGraphInitializer = 5;
constexpr std::uint32_t kGraphInput = 11;
constexpr std::uint32_t kNodeOperator = 4;
constexpr std::uint32_t kTensorType = 2;
constexpr std::uint32_t kTensorName = 8;
constexpr std::uint32_t kValueName = 1;
constexpr std::uint32_t kValueType = 2;
constexpr std::uint32_t kTypeTensor = 1;
constexpr std::uint32_t kTensorTypeShape = 2;
constexpr std::uint32_t kShapeDimension = 1;
constexpr std::uint32_t kDimensionValue = 1;
constexpr std::uint32_t kDimensionName = 2;
}  // namespace field

// Reads protobuf's wire format (developers.google.com/protocol-buffers/docs/encoding) from a file, skipping what nobody
// asks for.
class Walker {
 public:
  explicit Walker(std::istream& file) : file_(file) {
    file_.seekg(0, std::ios::end);
    size_ = file_ ? static_cast<std::uint64_t>(file_.tellg()) : 0;
    file_.seekg(0);
  }

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] bool good() const noexcept { return good_; }

  // Calls on_number(field, value) and on_bytes(field, length) for each field up to end; on_bytes leaves the position
  // wherever it likes.
  template <typename OnNumber, typename OnBytes>
  void fields(std::uint64_t end, OnNumber on_number, OnBytes on_bytes) {
    while (good_ && position() < end) {
      const std::uint64_t tag = varint();
      const auto number = static_cast<std::uint32_t>(tag >> 3);
      switch (tag & 7) {
        case 0:
          on_number(number, varint());
          break;
        case 1:
          skip_to(position() + 8, end);
          break;
        case 5:
          skip_to(position() + 4, end);
          break;
        case 2: {
          const std::uint64_t length = varint();
          const std::uint64_t begin = position();
          if (!good_ || begin > end || length > end - begin) return fail();
          on_bytes(number, begin + length);
          skip_to(begin + length, end);
          break;
        }
        default:
          return fail();
      }
    }
  }

  std::string text(std::uint64_t end) {
    constexpr std::uint64_t kMost = 4096;
    const std::uint64_t length = end - position();
    if (length > kMost) return {};
    std::string result(length, '\0');
    file_.read(result.data(), static_cast<std::streamsize>(length));
    return result;
  }

  [[nodiscard]] std::uint64_t position() { return good_ ? static_cast<std::uint64_t>(file_.tellg()) : size_; }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const int byte = file_.get();
      if (byte < 0) break;
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    fail();
    return 0;
  }
  void skip_to(std::uint64_t target, std::uint64_t end) {
    if (target > end) return fail();
    if (good_ && position() != target) file_.seekg(static_cast<std::streamoff>(target));
  }
  void fail() noexcept { good_ = false; }

  std::istream& file_;
  std::uint64_t size_ = 0;
  bool good_ = true;
};

constexpr auto ignore_number = [](std::uint32_t, std::uint64_t) {};

OnnxDimension read_dimension(Walker& walker, std::uint64_t end) {
  OnnxDimension dimension;
  walker.fields(
      end,
      [&](std::uint32_t number, std::uint64_t value) {
        if (number == field::kDimensionValue) dimension.extent = static_cast<std::int64_t>(value);
      },
      [&](std::uint32_t number, std::uint64_t stop) {
        if (number == field::kDimensionName) dimension.name = walker.text(stop);
      });
  return dimension;
}

// Descends through the one field that leads to what is wanted.
template <typename Found>
void descend(Walker& walker, std::uint64_t end, std::uint32_t wanted, Found found) {
  walker.fields(end, ignore_number, [&](std::uint32_t number, std::uint64_t stop) {
    if (number == wanted) found(stop);
  });
}

void read_input(Walker& walker, std::uint64_t end, OnnxSummary& summary) {
  std::string name;
  std::vector<OnnxDimension> dimensions;
  bool has_shape = false;
  walker.fields(end, ignore_number, [&](std::uint32_t number, std::uint64_t stop) {
    if (number == field::kValueName) name = walker.text(stop);
    if (number != field::kValueType) return;
    descend(walker, stop, field::kTypeTensor, [&](std::uint64_t type_end) {
      descend(walker, type_end, field::kTensorTypeShape, [&](std::uint64_t shape_end) {
        has_shape = true;
        descend(walker, shape_end, field::kShapeDimension,
                [&](std::uint64_t dimension_end) { dimensions.push_back(read_dimension(walker, dimension_end)); });
      });
    });
  });
  if (has_shape) summary.inputs.emplace(std::move(name), std::move(dimensions));
}

// Counts the weight's bytes and gives its name.
std::string read_weight(Walker& walker, std::uint64_t end, OnnxSummary& summary) {
  const std::uint64_t bytes = end - walker.position();
  std::string name;
  walker.fields(
      end,
      [&](std::uint32_t number, std::uint64_t value) {
        if (number == field::kTensorType) summary.weight_bytes[static_cast<std::int64_t>(value)] += bytes;
      },
      [&](std::uint32_t number, std::uint64_t stop) {
        if (number == field::kTensorName) name = walker.text(stop);
      });
  return name;
}

void read_graph(Walker& walker, std::uint64_t end, OnnxSummary& summary) {
  std::vector<std::string> weights;
  walker.fields(end, ignore_number, [&](std::uint32_t number, std::uint64_t stop) {
    if (number == field::kGraphNode) {
      descend(walker, stop, field::kNodeOperator,
              [&](std::uint64_t text_end) { ++summary.operators[walker.text(text_end)]; });
    } else if (number == field::kGraphInitializer) {
      weights.push_back(read_weight(walker, stop, summary));
    } else if (number == field::kGraphInput) {
      read_input(walker, stop, summary);
    }
  });
  // Files of old IR versions list their weights among the inputs.
  for (const auto& name : weights) summary.inputs.erase(name);
}

}  // namespace

bool OnnxSummary::is_quantized() const {
  static constexpr std::array<std::string_view, 8> kQuantized{
      "QLinearConv",      "QLinearMatMul", "ConvInteger",           "MatMulInteger",
      "DequantizeLinear", "QGemm",         "DynamicQuantizeMatMul", "QAttention"};
  return std::any_of(kQuantized.begin(), kQuantized.end(),
                     [&](std::string_view name) { return operators.contains(std::string(name)); });
}

bool OnnxSummary::is_half() const {
  const auto bytes = [&](std::int64_t type) {
    const auto found = weight_bytes.find(type);
    return found == weight_bytes.end() ? std::uint64_t{0} : found->second;
  };
  return bytes(10) > bytes(1);
}

std::optional<OnnxSummary> summarize_onnx(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return summarize_onnx(file);
}

std::optional<OnnxSummary> summarize_onnx(std::istream& file) {
  Walker walker(file);
  OnnxSummary summary;
  bool has_graph = false;
  walker.fields(walker.size(), ignore_number, [&](std::uint32_t number, std::uint64_t stop) {
    if (number != field::kModelGraph) return;
    has_graph = true;
    read_graph(walker, stop, summary);
  });
  if (!walker.good() || !has_graph) return std::nullopt;
  return summary;
}

}  // namespace ocelli::onnx_file
