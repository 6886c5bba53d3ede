// The parameters that are JSON texts on the command line.
#include <fmt/format.h>

#include "repository/config_check.hpp"
#include "repository/model_document.hpp"
#include "repository/model_parameters.hpp"
#include "repository/triton_config.hpp"

namespace ocelli::repository {
namespace {

using Json = nlohmann::json;

// A wrong flag is the user's mistake, not a broken file.
Status as_argument(const Status& status) { return invalid_argument(std::string(status.message())); }

bool is_object_text(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

// Calls use(input, text) for the plain text (under the name "") or each member of the JSON object.
template <typename Use>
Status for_each_input(std::string_view what, std::string_view text, const Use& use) {
  if (!is_object_text(text)) return use("", text);
  auto document = parse_json(text, what);
  if (!document.ok()) return as_argument(document.status());
  for (const auto& [name, value] : document->items()) {
    if (!value.is_string()) return invalid_argument(fmt::format("{}.{}: a string expected", what, name));
    if (Status status = use(name, value.template get<std::string>()); !status.ok()) return status;
  }
  return {};
}

template <typename T>
Result<std::map<std::string, T>> parse_per_input(std::string_view what, std::string_view text,
                                                 Result<T> (*parse)(std::string_view)) {
  std::map<std::string, T> values;
  Status status = for_each_input(what, text, [&](const std::string& name, std::string_view one) {
    auto value = parse(one);
    if (!value.ok()) return value.status();
    values.emplace(name, *value);
    return Status();
  });
  if (!status.ok()) return status;
  return values;
}

// Takes the value of a parse into its place, or its error out.
template <typename T, typename U>
Status assign(Result<T> parsed, U& into) {
  if (!parsed.ok()) return parsed.status();
  into = std::move(parsed).value();
  return {};
}

Status read_preprocessing(const ModelFlags& flags, PreprocessParameters& preprocess) {
  if (!flags.layout.empty()) {
    if (Status status = assign(parse_layouts(flags.layout), preprocess.layout); !status.ok()) return status;
  }
  for (const auto& [name, text, into] :
       {std::tuple{"mean", &flags.mean, &preprocess.mean}, std::tuple{"scale", &flags.scale, &preprocess.scale}}) {
    if (text->empty()) continue;
    if (auto values = parse_channel_values(name, *text); !values.ok()) return values.status();
    *into = *text;
  }
  if (!flags.color_format.empty()) {
    if (Status status = assign(parse_color_format(flags.color_format), preprocess.color_format); !status.ok())
      return status;
  }
  return flags.precision.empty() ? Status() : assign(parse_precision(flags.precision), preprocess.precision);
}

Status read_flags(const ModelFlags& flags, ModelConfig& config) {
  Status status;
  if (!flags.batch_size.empty()) status = assign(parse_batch_size(flags.batch_size), config.batch);
  if (status.ok() && !flags.shape.empty()) status = assign(parse_shapes(flags.shape), config.shapes);
  if (status.ok()) status = read_preprocessing(flags, config.preprocess);
  if (status.ok() && !flags.model_version_policy.empty())
    status = assign(parse_version_policy(flags.model_version_policy), config.version_policy);
  if (status.ok() && !flags.plugin_config.empty())
    status = assign(parse_plugin_config(flags.plugin_config), config.plugin_config);
  return status;
}

}  // namespace

Result<std::map<std::string, ShapeParameter>> parse_shapes(std::string_view text) {
  return parse_per_input<ShapeParameter>("shape", text, parse_shape);
}

Result<std::map<std::string, std::string>> parse_layouts(std::string_view text) {
  return parse_per_input<std::string>("layout", text, parse_layout);
}

Result<std::map<std::string, std::string>> parse_plugin_config(std::string_view json) {
  auto document = parse_json(json, "plugin_config");
  if (!document.ok()) return as_argument(document.status());
  if (!document->is_object()) return invalid_argument("plugin_config: a JSON object expected");
  std::map<std::string, std::string> properties;
  for (const auto& [key, value] : document->items()) {
    const auto text = scalar_text(value);
    if (!text) return invalid_argument(fmt::format("plugin_config.{}: a string, a boolean or a number expected", key));
    properties[key] = *text;
  }
  return properties;
}

Result<VersionPolicy> parse_version_policy(std::string_view json) {
  auto document = parse_json(json, "model_version_policy");
  if (!document.ok()) return as_argument(document.status());
  JsonProblem problem;
  check_config(*document, "", config_version_policy(), problem);
  if (problem.found()) return as_argument(problem.status("model_version_policy"));
  return read_version_policy(*document);
}

Result<OverriddenModel> override_model(const ModelConfig& config, std::string_view json) {
  constexpr const char* kWhat = "config override";
  auto document = parse_json(json, kWhat);
  if (!document.ok()) return as_argument(document.status());
  JsonProblem problem;
  OverriddenModel overridden{config, {}};
  take_triton_keys(*document, overridden.config, overridden.ignored, problem);
  check_config(*document, "", config_model(), problem, /*partial=*/true);
  if (problem.found()) return as_argument(problem.status(kWhat));
  ModelEntry entry = read_model_document(*document, "", std::filesystem::current_path(), problem, overridden.config);
  if (!entry.status.ok()) return as_argument(entry.status);
  if (entry.config.name != config.name)
    return invalid_argument(
        fmt::format("{}: name \"{}\" is not that of the model, \"{}\"", kWhat, entry.config.name, config.name));
  overridden.config = std::move(entry.config);
  return overridden;
}

Result<ModelConfig> model_config_from_flags(const ModelFlags& flags) {
  ModelConfig config;
  config.name = flags.model_name;
  config.base_path = flags.model_path;
  if (Status status = read_flags(flags, config); !status.ok()) return status;
  config.nireq = flags.nireq.value_or(0);
  if (!flags.target_device.empty()) config.target_device = flags.target_device;
  StatefulParameters& stateful = config.stateful;
  stateful.enabled = flags.stateful;
  stateful.idle_sequence_cleanup = flags.idle_sequence_cleanup.value_or(stateful.idle_sequence_cleanup);
  stateful.low_latency_transformation = flags.low_latency_transformation.value_or(stateful.low_latency_transformation);
  stateful.max_sequence_number = flags.max_sequence_number.value_or(stateful.max_sequence_number);
  if (Status status = check_model(config); !status.ok()) return status;
  return config;
}

}  // namespace ocelli::repository
