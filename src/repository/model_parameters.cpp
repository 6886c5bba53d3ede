#include "repository/model_parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/letter_case.hpp"

namespace ocelli::repository {
namespace {

// No extent of a real tensor comes near; keeps products far from overflow.
constexpr std::int64_t kMaxExtent = std::int64_t{1} << 40;
constexpr std::size_t kMaxChannels = 4096;

std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

Status wrong(std::string_view parameter, std::string_view expected, std::string_view text) {
  constexpr std::size_t kShown = 200;
  return invalid_argument(fmt::format("{}: {} expected, not \"{}\"", parameter, expected, text.substr(0, kShown)));
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  text = trim(text);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// "8", "1:8" or "-1"; 0 and other negative numbers are no extents.
std::optional<Dimension> parse_dimension(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) {
    const auto extent = whole_number(text);
    if (extent == -1) return Dimension::any();
    if (!extent || *extent < 1 || *extent > kMaxExtent) return std::nullopt;
    return Dimension::fixed(*extent);
  }
  const auto least = whole_number(text.substr(0, colon));
  const auto most = whole_number(text.substr(colon + 1));
  if (!least || !most || *least < 1 || *most < *least || *most > kMaxExtent) return std::nullopt;
  return Dimension{*least, *most};
}

// What stands between the brackets of "(a,b)" or "[a,b]"; empty when there is no such pair.
std::optional<std::string_view> inside_brackets(std::string_view text) {
  text = trim(text);
  if (text.size() < 2) return std::nullopt;
  const bool round = text.front() == '(' && text.back() == ')';
  const bool square = text.front() == '[' && text.back() == ']';
  if (!round && !square) return std::nullopt;
  return text.substr(1, text.size() - 2);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(trim(text.substr(0, at)));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

// "N", "NHWC", "N...", "N?HWC": letters once each, '?' freely, one "..." at most.
bool is_layout(std::string_view layout) {
  if (layout.empty() || layout.size() > 2 * Shape::kMaxRank) return false;
  bool run = false;
  std::string seen;
  for (std::size_t i = 0; i < layout.size(); ++i) {
    if (layout[i] == '.') {
      if (run || layout.substr(i, 3) != "...") return false;
      run = true;
      i += 2;
    } else if (layout[i] != '?') {
      if (std::string_view("NCHWD").find(layout[i]) == std::string_view::npos ||
          seen.find(layout[i]) != std::string::npos)
        return false;
      seen += layout[i];
    }
  }
  return true;
}

// "a" or "a:b", both sides of which `known` must hold.
template <std::size_t N>
bool is_conversion(std::string_view text, const std::array<std::string_view, N>& known) {
  const auto sides = split(text, ':');
  return sides.size() <= 2 && std::all_of(sides.begin(), sides.end(), [&](std::string_view side) {
           return std::find(known.begin(), known.end(), side) != known.end();
         });
}

constexpr std::array<std::string_view, 7> kColorFormats{"RGB", "BGR", "GRAY", "NV12", "NV12_2", "I420", "I420_3"};
constexpr std::array<std::string_view, 13> kPrecisions{"fp64",  "fp32",  "fp16",  "bf16",   "int8",   "int16", "int32",
                                                       "int64", "uint1", "uint8", "uint16", "uint32", "uint64"};
// Places that need a download client; what they are called in messages.
constexpr std::array<std::string_view, 4> kCloudSchemes{"s3://", "gs://", "azure://", "azfs://"};

Status check_preprocessing(const ModelConfig& config) {
  if (!config.preprocess.layout.empty()) return {};
  const std::array<std::pair<const char*, const std::string*>, 4> dependents{
      {{"mean", &config.preprocess.mean},
       {"scale", &config.preprocess.scale},
       {"color_format", &config.preprocess.color_format},
       {"precision", &config.preprocess.precision}}};
  for (const auto& [name, value] : dependents) {
    if (!value->empty()) return invalid_argument(fmt::format("{} parameter requires layout to be set", name));
  }
  return {};
}

Status check_stateful(const ModelConfig& config) {
  const StatefulParameters defaults;
  const auto& stateful = config.stateful;
  if (!stateful.enabled) {
    if (stateful == defaults) return {};
    return invalid_argument(
        "Setting low_latency_transformation, max_sequence_number and idle_sequence_cleanup require setting stateful "
        "flag for the model.");
  }
  if (config.automatic()) return invalid_argument("a stateful model cannot have batch_size or shape auto");
  return {};
}

}  // namespace

Result<BatchParameter> parse_batch_size(std::string_view text) {
  if (lower(trim(text)) == "auto") return BatchParameter{BatchParameter::Kind::kAuto, {}};
  if (whole_number(text) == 0) return BatchParameter{};
  const auto extent = parse_dimension(trim(text));
  if (!extent) return wrong("batch_size", "\"auto\", a number from 1, a range like 1:8, or -1", text);
  return BatchParameter{BatchParameter::Kind::kSet, *extent};
}

Result<ShapeParameter> parse_shape(std::string_view text) {
  if (lower(trim(text)) == "auto") return ShapeParameter{true, {}};
  const auto inside = inside_brackets(text);
  if (!inside) return wrong("shape", "\"auto\" or extents in parentheses like (1,3,224,224)", text);
  ShapeParameter shape;
  if (trim(*inside).empty()) return shape;
  for (const auto part : split(*inside, ',')) {
    const auto extent = parse_dimension(part);
    if (!extent) return wrong("shape", "a number from 1, a range like 1:8, or -1 for each extent", text);
    if (shape.extents.dims.size() == Shape::kMaxRank)
      return wrong("shape", fmt::format("at most {} extents", Shape::kMaxRank), text);
    shape.extents.dims.push_back(*extent);
  }
  return shape;
}

Result<std::string> parse_layout(std::string_view text) {
  if (lower(trim(text)) == "auto") return std::string("auto");
  const std::string layout = upper(trim(text));
  const auto sides = split(layout, ':');
  if (sides.size() > 2 || !std::all_of(sides.begin(), sides.end(), is_layout)) {
    return wrong("layout", "letters of N, C, H, W, D, '?' and \"...\", as in NHWC:NCHW,", text);
  }
  return layout;
}

Result<std::vector<float>> parse_channel_values(std::string_view name, std::string_view text) {
  const auto inside = inside_brackets(text);
  std::vector<float> values;
  for (const auto part : split(inside ? *inside : trim(text), ',')) {
    float value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    const bool complete = error == std::errc() && end == part.data() + part.size() && !part.empty();
    if (!complete || !std::isfinite(value) || (!inside && !values.empty()) || values.size() == kMaxChannels) {
      return wrong(name, "a number, or numbers in parentheses like (1.5,2,2.5)", text);
    }
    if (name == "scale" && value == 0) return wrong(name, "numbers other than 0", text);
    values.push_back(value);
  }
  return values;
}

Result<std::string> parse_color_format(std::string_view text) {
  std::string format = upper(trim(text));
  if (!is_conversion(format, kColorFormats))
    return wrong("color_format", "target[:source] of RGB, BGR, GRAY, NV12, NV12_2, I420, I420_3", text);
  return format;
}

Result<std::string> parse_precision(std::string_view text) {
  std::string precision = lower(trim(text));
  if (!is_conversion(precision, kPrecisions)) {
    return wrong(
        "precision",
        "target[:source] of fp64, fp32, fp16, bf16, int8, int16, int32, int64, uint1, uint8, uint16, uint32, uint64",
        text);
  }
  return precision;
}

Status check_name(std::string_view name) {
  constexpr std::size_t kMaxName = 512;
  const bool printable = std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (!name.empty() && name.size() <= kMaxName && printable) return {};
  return wrong("name", fmt::format("1 to {} printable characters", kMaxName), printable ? name : "control characters");
}

Status check_nireq(std::int64_t nireq) {
  if (nireq <= ModelConfig::kMaxRequests) return {};
  return invalid_argument(fmt::format("nireq: at most {} expected, not {}", ModelConfig::kMaxRequests, nireq));
}

Status check_model(const ModelConfig& config) {
  if (Status status = check_name(config.name); !status.ok()) return status;
  if (config.base_path.empty()) return invalid_argument("base_path is missing");
  for (const auto scheme : kCloudSchemes) {
    if (config.base_path.starts_with(scheme)) {
      return unimplemented(fmt::format("base_path {}: {} storage is not supported; copy the models to a local folder",
                                       config.base_path, scheme));
    }
  }
  if (Status status = check_nireq(config.nireq); !status.ok()) return status;
  if (Status status = check_preprocessing(config); !status.ok()) return status;
  return check_stateful(config);
}

bool ModelConfig::automatic() const noexcept {
  if (shapes.empty()) return batch.kind == BatchParameter::Kind::kAuto;
  return std::any_of(shapes.begin(), shapes.end(), [](const auto& shape) { return shape.second.automatic; });
}

}  // namespace ocelli::repository
