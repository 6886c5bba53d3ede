#include "protocols/kserve/infer_request.hpp"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

#include "protocols/json/value_text.hpp"
#include "protocols/kserve/infer_parameters.hpp"
#include "protocols/kserve/input_source.hpp"
#include "protocols/kserve/tensor_data.hpp"

namespace ocelli::kserve {
namespace {

using json::JsonError;
using json::JsonKind;
using json::JsonReader;

constexpr std::string_view kNotJson = "The file is not valid json";
constexpr std::string_view kNotArray = "Could not parse input content. Not valid ndarray detected";
constexpr std::string_view kInOutput = " in an output";
constexpr std::string_view kNoInputs = "Invalid JSON structure, missing inputs";
constexpr std::string_view kDataTypes =
    "one of BOOL, UINT8, UINT16, UINT32, UINT64, INT8, INT16, INT32, INT64, FP16, BF16, FP32, FP64, BYTES";

// The walk over one request's JSON. A step that fails leaves its reason in status_; an error of the reader without a
// reason is the text's fault.
class RequestWalk {
 public:
  RequestWalk(const InferBody& body, std::string_view text, InputSource& source, ChargedPool pool,
              InferRequest& request)
      : body_(body), reader_(text, request.texts), source_(source), pool_(pool), request_(request) {}

  Status run() {
    if (reader_.peek() != JsonKind::kObject) {
      if (reader_.skip() && reader_.finish()) return invalid_argument("Request body should be JSON object");
      return reader_failure();
    }
    std::string_view key;
    reader_.begin_object();
    while (status_.ok() && reader_.next_key(key)) read_member(key);
    if (status_.ok()) reader_.finish();
    if (!status_.ok() || !reader_.ok()) return reader_failure();
    if (request_.call.inputs.empty()) return invalid_argument(std::string(kNoInputs));
    if (auto status = source_.finish(); !status.ok()) return status;
    apply_options();
    return {};
  }

 private:
  // Members that mean something, of the request, its inputs and outputs: bits.
  enum Member : std::uint8_t {
    kId = 1,
    kInputs = 2,
    kOutputs = 4,
    kParameters = 8,
    kName = 16,
    kShape = 32,
    kDatatype = 64,
    kData = 128
  };

  // What a tensor says before it is complete; its members come in any order.
  struct PendingInput {
    std::optional<std::string_view> name;
    std::optional<DataType> type;
    std::optional<Shape> shape;
    std::optional<JsonReader> data;  // where its data begins
    TensorParameters parameters;
    serving::CallInput made;
    std::uint8_t seen = 0;  // members that were met
    bool read = false;      // made holds data, or says what is wrong with it
  };

  // The reader's own errors explain all failures that have no reason yet.
  Status reader_failure() {
    if (!status_.ok() && reader_.error() != JsonError::kSyntax) return std::move(status_);
    switch (reader_.error()) {
      case JsonError::kTooDeep:
        return invalid_argument(
            fmt::format("{} - Expected: at most {} levels of nesting", kNotJson, JsonReader::kMaxDepth));
      case JsonError::kNotFinite:
        return failed_precondition(fmt::format("{} - NaN and Infinity are no JSON numbers", kNotJson));
      case JsonError::kWrongKind:
        return invalid_argument(std::string(kNotArray));
      case JsonError::kSyntax:
      case JsonError::kNone:
        break;
    }
    return failed_precondition(std::string(kNotJson));
  }

  bool fail(Status status) {
    if (status_.ok()) status_ = std::move(status);
    return false;
  }

  bool read_member(std::string_view key) {
    if (key == "id") return first(seen_, kId, key) && read_id();
    if (key == "parameters") return first(seen_, kParameters, key) && check(read_request_parameters(reader_, options_));
    if (key == "inputs") return first(seen_, kInputs, key) && read_inputs();
    if (key == "outputs") return first(seen_, kOutputs, key) && read_outputs();
    return reader_.skip_member(key);
  }

  // Which of two members of one name counts is up to a reader, so that none may stand twice. seen: those of the object
  // that were met. where: which object, behind the member's name.
  bool first(std::uint8_t& seen, Member member, std::string_view key, std::string_view where = "") {
    const bool again = (seen & member) != 0;
    seen = static_cast<std::uint8_t>(seen | member);
    return !again || fail(invalid_argument(fmt::format("Invalid JSON structure, {} given twice{}", key, where)));
  }

  bool check(Status status) { return (status.ok() || fail(std::move(status))) && reader_.ok(); }

  // Members that need not be there may be null, as many programs write those that they leave out.
  bool left_out() noexcept { return reader_.peek() == JsonKind::kNull && reader_.read_null(); }

  bool read_id() {
    if (left_out()) return true;
    std::string_view id;
    if (!reader_.read_string(id)) return wrong_kind("id as a string", {});
    request_.id = id;
    return true;
  }

  bool read_inputs() {
    if (!reader_.begin_array()) return fail(invalid_argument(std::string(kNoInputs)));
    while (reader_.next_element()) {
      if (!read_input()) return false;
    }
    return reader_.ok();
  }

  bool read_input() {
    if (request_.call.inputs.size() == InferRequest::kMaxTensors) return too_many("inputs");
    PendingInput input;
    std::string_view key;
    if (!reader_.begin_object()) return wrong_kind("an input as an object", input);
    while (reader_.next_key(key)) {
      if (!read_input_member(key, input)) return false;
    }
    return reader_.ok() && finish_input(input);
  }

  bool too_many(std::string_view what) {
    return fail(invalid_argument(
        fmt::format("Request has too many {} - Expected: at most {}", what, InferRequest::kMaxTensors)));
  }

  // Says what stands where something else was expected.
  bool wrong_kind(std::string_view expected, const PendingInput& input) {
    if (reader_.error() != JsonError::kWrongKind) return false;
    return fail(invalid_argument(fmt::format("{} - Expected: {}; Actual: {}{}", kNotArray, expected,
                                             json::value_text(reader_), at_input(input))));
  }

  static std::string at_input(const PendingInput& input) {
    return input.name ? fmt::format("; input name: {}", *input.name) : std::string();
  }

  bool read_input_member(std::string_view key, PendingInput& input) {
    if (key == "name") return first_of(input, kName, key) && read_name(input);
    if (key == "shape") return first_of(input, kShape, key) && read_shape(input, input.shape.emplace());
    if (key == "datatype") return first_of(input, kDatatype, key) && read_type(input);
    if (key == "parameters")
      return first_of(input, kParameters, key) && check(read_tensor_parameters(reader_, input.parameters));
    if (key != "data") return reader_.skip_member(key);
    if (!first_of(input, kData, key)) return false;
    if (left_out()) return true;
    input.data = reader_;
    if (!input.name || !input.type || !input.shape) return reader_.skip();
    return read_data(reader_, input);
  }

  bool first_of(PendingInput& input, Member member, std::string_view key) {
    const bool again = (input.seen & member) != 0;
    return first(input.seen, member, key, again ? at_input(input) : std::string());
  }

  bool read_data(JsonReader& reader, PendingInput& input) {
    input.made.name = *input.name;
    auto status = read_tensor_data(reader, *input.type, *input.shape, pool_, input.made);
    if (reader.error() == JsonError::kNotFinite || reader.error() == JsonError::kTooDeep) return false;
    input.read = status.ok();
    return status.ok() || fail(std::move(status));
  }

  bool read_name(PendingInput& input) {
    std::string_view name;
    if (!reader_.read_string(name)) return wrong_kind("name as a string", input);
    input.name = name;
    return true;
  }

  bool read_shape(const PendingInput& input, Shape& shape) {
    constexpr std::string_view kExpected = "shape as an array of integers from 0";
    shape.clear();
    if (!reader_.begin_array()) return wrong_kind(kExpected, input);
    json::JsonNumber number;
    while (reader_.next_element()) {
      if (!reader_.read_number(number)) return wrong_kind(kExpected, input);
      const auto extent = json::to_int64(number);
      if (!extent || *extent < 0) {
        return fail(invalid_argument(fmt::format("{} - Expected: {}; Actual: {}{}", kNotArray, kExpected,
                                                 json::number_text(number), at_input(input))));
      }
      if (shape.rank() == Shape::kMaxRank) {
        return fail(invalid_argument(fmt::format("Invalid number of shape dimensions - Expected: at most {}{}",
                                                 Shape::kMaxRank, at_input(input))));
      }
      shape.push_back(*extent);
    }
    return reader_.ok();
  }

  bool read_type(PendingInput& input) {
    std::string_view word;
    if (!reader_.read_string(word)) return wrong_kind("datatype as a string", input);
    input.type = data_type_from_kserve(word);
    if (input.type && *input.type != DataType::kUndefined) return true;
    return fail(invalid_argument(
        fmt::format("Invalid input precision - Expected: {}; Actual: {}{}", kDataTypes, word, at_input(input))));
  }

  bool finish_input(PendingInput& input) {
    if (!input.name || !input.type || !input.shape) {
      const auto missing = !input.name ? "name" : !input.shape ? "shape" : "datatype";
      return fail(invalid_argument(fmt::format("{} - Missing {}{}", kNotArray, missing, at_input(input))));
    }
    const bool elsewhere = input.parameters.binary_size || input.parameters.binary_sizes || input.parameters.region;
    if (input.data && elsewhere) {
      return fail(
          invalid_argument(fmt::format("Input has data both in JSON and outside of it; input name: {}", *input.name)));
    }
    if (!input.data) {
      if (!check(source_.take(*input.name, *input.type, *input.shape, input.parameters, input.made.tensor)))
        return false;
    } else if (!input.read && !read_data(*input.data, input)) {
      return reader_.fail(input.data->error());
    }
    input.made.name = *input.name;
    request_.call.inputs.push_back(std::move(input.made));
    return true;
  }

  bool read_outputs() {
    if (left_out()) return true;
    if (!reader_.begin_array()) return fail(invalid_argument("Invalid JSON structure, outputs is no array"));
    while (reader_.next_element()) {
      if (!read_output()) return false;
    }
    return reader_.ok();
  }

  bool read_output() {
    if (request_.call.requested.size() == InferRequest::kMaxTensors) return too_many("requested outputs");
    std::optional<std::string_view> name;
    TensorParameters parameters;
    std::uint8_t seen = 0;
    std::string_view key;
    if (!reader_.begin_object()) return fail(invalid_argument("Invalid JSON structure, an output is no object"));
    while (reader_.next_key(key)) {
      bool good = true;
      if (key == "name") {
        good = first(seen, kName, key, kInOutput) && reader_.read_string(name.emplace());
      } else if (key == "parameters") {
        good = first(seen, kParameters, key, kInOutput) && check(read_tensor_parameters(reader_, parameters));
      } else {
        good = reader_.skip_member(key);
      }
      if (!good) return false;
    }
    if (!reader_.ok()) return false;
    if (!name) return fail(invalid_argument("Invalid JSON structure, an output has no name"));
    return add_output(*name, parameters);
  }

  bool add_output(std::string_view name, const TensorParameters& parameters) {
    serving::RequestedOutput output{name, {}, {}};
    OutputFormat format;
    format.classes = parameters.classes;
    if (format.classes > 0 && parameters.region) {
      return fail(invalid_argument(
          fmt::format("classification and shared memory cannot be asked for together; output name: {}", name)));
    }
    if (parameters.region) {
      format.region = *parameters.region;
      format.region_offset = parameters.region_offset;
      if (!check(source_.destination(name, parameters, output))) return false;
    }
    format.binary = parameters.binary_data.value_or(false);
    format.binary_given = parameters.binary_data.has_value();
    request_.call.requested.push_back(std::move(output));
    request_.formats.push_back(format);
    return true;
  }

  void apply_options() {
    auto& call = request_.call;
    if (options_.timeout_us > 0) call.deadline = body_.received + std::chrono::microseconds(options_.timeout_us);
    call.priority = options_.priority;
    if (options_.sequence.id != 0 || options_.sequence.control != 0) call.sequence = options_.sequence;
    request_.binary_outputs = options_.binary_output;
    if (!options_.binary_output) return;
    for (auto& format : request_.formats) {
      if (!format.binary_given) format.binary = true;
    }
  }

  const InferBody& body_;
  JsonReader reader_;
  InputSource& source_;
  ChargedPool pool_;
  InferRequest& request_;
  RequestParameters options_;
  std::uint8_t seen_ = 0;  // members of the request that were met
  Status status_;
};

// Bytes of JSON; the rest of the body is binary.
Result<std::size_t> json_size(const InferBody& body) {
  if (!body.json_length) return body.bytes.size();
  std::size_t size = 0;
  const auto& text = *body.json_length;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), size);
  if (result.ec == std::errc{} && result.ptr == text.data() + text.size() && size <= body.bytes.size()) return size;
  return invalid_argument(
      fmt::format("Invalid Inference-Header-Content-Length - Expected: 0 to {}; Actual: {}", body.bytes.size(), text));
}

}  // namespace

Status parse_infer_request(const InferBody& body, ChargedPool pool, const transport::SharedMemoryRegistry* regions,
                           InferRequest& request) {
  const auto size = json_size(body);
  if (!size.ok()) return size.status();
  if (body.json_length && *size == 0) {
    request.raw = true;
    return {};
  }
  const std::string_view text(reinterpret_cast<const char*>(body.bytes.data()), *size);
  InputSource source(body.bytes.subspan(*size), body.owner, pool, regions);
  return RequestWalk(body, text, source, pool, request).run();
}

}  // namespace ocelli::kserve
