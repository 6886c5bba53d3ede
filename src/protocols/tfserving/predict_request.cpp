#include "protocols/tfserving/predict_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocols/tfserving/tensor_builder.hpp"

namespace ocelli::tfserving {
namespace {

using json::JsonError;
using json::JsonKind;
using json::JsonReader;
using serving::ServableMetadata;

constexpr std::string_view kNotJson = "The file is not valid json";
constexpr std::string_view kBadInput = "Could not parse input content. Not valid ndarray detected";
constexpr std::string_view kBadInstance = "Could not parse instance content. Not valid ndarray detected";
constexpr std::string_view kNoFormat = "Invalid JSON structure. Could not detect row or column format";

// So many inputs that the model does not have are read, to count them, before the request is given up.
constexpr std::size_t kUnknownInputs = 16;

// The walk over one body.
class PredictWalk {
 public:
  PredictWalk(std::string_view body, const ServableMetadata& model, ChargedPool pool, json::TextStore& texts,
              serving::InferenceCall& call)
      : reader_(body, texts), model_(model), pool_(pool), call_(call) {}

  Result<PredictFormat> run() {
    if (reader_.peek() != JsonKind::kObject) {
      reader_.skip();
      if (reader_.finish()) return invalid_argument("Request body should be JSON object");
      return failure(Status());
    }
    auto status = read_members();
    if (status.ok()) reader_.finish();
    if (!status.ok() || !reader_.ok()) return failure(std::move(status));
    if (!format_) return invalid_argument(std::string(kNoFormat));
    return *format_;
  }

 private:
  // What the reader says counts more than status when the text is no JSON.
  Status failure(Status status) {
    switch (reader_.error()) {
      case JsonError::kTooDeep:
        return invalid_argument(
            fmt::format("{} - Expected: at most {} levels of nesting", kNotJson, JsonReader::kMaxDepth));
      case JsonError::kNotFinite:
        return failed_precondition(fmt::format("{} - NaN and Infinity are no JSON numbers", kNotJson));
      case JsonError::kSyntax:
        return failed_precondition(std::string(kNotJson));
      case JsonError::kWrongKind:
      case JsonError::kNone:
        break;
    }
    return status.ok() ? invalid_argument(std::string(kBadInput)) : std::move(status);
  }

  Status read_members() {
    std::string_view key;
    reader_.begin_object();
    while (reader_.next_key(key)) {
      const bool row = key == "instances";
      if (!row && key != "inputs") {
        reader_.skip_member(key);
        continue;
      }
      const auto format = row ? PredictFormat::kRow : PredictFormat::kColumn;
      if (format_ == format) return invalid_argument(fmt::format("Invalid JSON structure. {} given twice", key));
      if (format_) return invalid_argument(std::string(kNoFormat));
      format_ = format;
      if (auto status = row ? read_instances() : read_inputs(); !status.ok()) return status;
    }
    return {};
  }

  Status read_instances() {
    if (reader_.peek() != JsonKind::kArray) {
      reader_.skip();
      return invalid_argument(std::string(kNoFormat));
    }
    JsonReader ahead = reader_;
    if (!ahead.begin_array() || !ahead.next_element()) {
      reader_.skip();
      return invalid_argument("Invalid JSON structure. Missing instances in row format");
    }
    const auto kind = ahead.peek();
    if (kind == JsonKind::kObject && !is_encoded(ahead)) return read_named_instances();
    if (!may_be_tensor(kind)) {
      reader_.skip();
      return invalid_argument("Invalid JSON structure. Nonamed instance is not an array.");
    }
    // Without names the list of instances is the tensor.
    return read_only_input(kBadInstance);
  }

  // An instance is without an input that others have.
  template <typename Tensor>
  static Status missing_before(const Tensor& tensor, std::size_t instances) {
    return invalid_argument(
        fmt::format("Invalid JSON structure. Request inputs have different batch sizes - Expected: {}; Actual: {}; "
                    "input name: {}",
                    instances, tensor.rows(), tensor.name()));
  }

  Status read_named_instances() {
    std::size_t instances = 0;
    std::string_view name;
    reader_.begin_array();
    for (; reader_.next_element(); ++instances) {
      if (!reader_.begin_object()) return invalid_argument(std::string(kBadInstance));
      while (reader_.next_key(name)) {
        auto* const tensor = builder(name);
        if (!tensor) return too_many_inputs();
        if (tensor->name().data() != name.data()) reader_.forget(name);
        if (tensor->rows() < instances) return missing_before(*tensor, instances);
        if (tensor->rows() > instances)
          return invalid_argument(fmt::format("{} - Input given twice; input name: {}", kBadInstance, tensor->name()));
        if (!tensor->read(reader_, 1)) return bad_value(kBadInstance, *tensor);
      }
    }
    if (!reader_.ok()) return {};
    for (const auto& tensor : builders_) {
      if (tensor.rows() == instances) continue;
      return missing_before(tensor, instances);
    }
    for (auto& tensor : builders_) add_input(tensor, true);
    return {};
  }

  Status read_inputs() {
    const auto kind = reader_.peek();
    if (!may_be_tensor(kind)) {
      reader_.skip();
      return invalid_argument("Invalid JSON structure, missing inputs");
    }
    if (kind != JsonKind::kObject || is_encoded(reader_)) return read_only_input(kBadInput);
    std::string_view name;
    reader_.begin_object();
    while (reader_.next_key(name)) {
      if (std::ranges::find(builders_, name, &TensorBuilder::name) != builders_.end())
        return invalid_argument(fmt::format("{} - Input given twice; input name: {}", kBadInput, name));
      auto* const tensor = builder(name);
      if (!tensor) return too_many_inputs();
      if (!tensor->read(reader_, 0)) return bad_value(kBadInput, *tensor);
      add_input(*tensor, false);
    }
    if (reader_.ok() && builders_.empty()) return invalid_argument("Invalid JSON structure, missing inputs");
    return {};
  }

  // One tensor without a name, for a model with one input.
  Status read_only_input(std::string_view text) {
    if (model_.inputs.size() != 1) {
      reader_.skip();
      return invalid_argument(fmt::format(
          "Inputs inside buffer does not match expected format. - Expected: names of {} inputs", model_.inputs.size()));
    }
    auto& tensor = *builder(model_.inputs.front().name);
    if (!tensor.read(reader_, 0)) return bad_value(text, tensor);
    add_input(tensor, false);
    return {};
  }

  // Whether an unnamed value of that kind can be, or begin, the only input.
  [[nodiscard]] bool may_be_tensor(JsonKind kind) const noexcept {
    if (kind != JsonKind::kBool) return kind != JsonKind::kNull;
    return model_.inputs.size() == 1 && model_.inputs.front().type == DataType::kBool;
  }

  static Status bad_value(std::string_view text, const TensorBuilder& tensor) {
    const auto& fault = tensor.fault();
    return invalid_argument(
        fmt::format("{} - {}{}input name: {}", text, fault, fault.empty() ? "" : "; ", tensor.name()));
  }

  // Said before all of them are read: what a request costs must not grow with the names that it invents.
  [[nodiscard]] Status too_many_inputs() const {
    return invalid_argument(fmt::format("Invalid number of inputs - Expected: {}; Actual: more than {}",
                                        model_.inputs.size(), builders_.size()));
  }

  [[nodiscard]] const TensorSpec* spec_of(std::string_view name) const noexcept {
    const auto found = std::ranges::find(model_.inputs, name, &TensorSpec::name);
    return found == model_.inputs.end() ? nullptr : &*found;
  }

  // A model may have an input that is called b64; then the object names it.
  [[nodiscard]] bool is_encoded(const JsonReader& reader) const { return !spec_of("b64") && at_encoded_string(reader); }

  // The tensor of that name, begun when there is none yet. Null when there are more than the model can take.
  TensorBuilder* builder(std::string_view name) {
    const auto found = std::ranges::find(builders_, name, &TensorBuilder::name);
    if (found != builders_.end()) return &*found;
    if (builders_.size() >= model_.inputs.size() + kUnknownInputs) return nullptr;
    const auto* spec = spec_of(name);
    // Unknown inputs are refused by the servable, which counts them first; what they hold makes no difference.
    const DataType type = spec ? spec->type : control_type(name);
    const auto shape = spec ? spec->shape.static_shape() : std::nullopt;
    const auto expected = shape ? shape->element_count() : std::nullopt;
    const bool control = !spec && type != DataType::kUndefined;
    builders_.emplace_back(name, type, control, std::min(expected.value_or(0), reader_.remaining() / 2 + 1), pool_);
    return &builders_.back();
  }

  // The two inputs that steer sequences of stateful models, which are not in their metadata. kUndefined: another one.
  static DataType control_type(std::string_view name) noexcept {
    if (name == "sequence_id") return DataType::kUint64;
    return name == "sequence_control_input" ? DataType::kUint32 : DataType::kUndefined;
  }

  void add_input(TensorBuilder& tensor, bool in_rows) {
    const auto* spec = spec_of(tensor.name());
    const bool scalar = spec && spec->shape.rank_known && spec->shape.dims.empty();
    call_.inputs.push_back({spec ? std::string_view(spec->name) : tensor.name(), tensor.finish(in_rows, scalar)});
  }

  JsonReader reader_;
  const ServableMetadata& model_;
  ChargedPool pool_;
  serving::InferenceCall& call_;
  std::vector<TensorBuilder> builders_;
  std::optional<PredictFormat> format_;
};

}  // namespace

Result<PredictFormat> parse_predict_request(std::string_view body, const ServableMetadata& model, ChargedPool pool,
                                            json::TextStore& texts, serving::InferenceCall& call) {
  return PredictWalk(body, model, pool, texts, call).run();
}

}  // namespace ocelli::tfserving
