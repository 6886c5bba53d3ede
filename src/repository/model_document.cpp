#include "repository/model_document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "repository/model_parameters.hpp"

namespace ocelli::repository {
namespace {

using Json = nlohmann::json;

// Reads one entry, key by key.
class ModelReader {
 public:
  ModelReader(const Json& value, const std::string& path, const std::filesystem::path& base_folder,
              JsonProblem& problem, const ModelConfig& defaults)
      : object_(value, path, problem), base_folder_(base_folder) {
    entry_.config = defaults;
  }

  ModelEntry read() {
    ModelConfig& config = entry_.config;
    config.name = object_.text("name").value_or(config.name);
    read_base_path();
    read_batch_size();
    read_per_input("shape", config.shapes, parse_shapes, parse_shape);
    read_per_input("layout", config.preprocess.layout, parse_layouts, parse_layout);
    read_channel_values("mean", config.preprocess.mean);
    read_channel_values("scale", config.preprocess.scale);
    read_checked("color_format", config.preprocess.color_format, parse_color_format);
    read_checked("precision", config.preprocess.precision, parse_precision);
    if (const Json* policy = object_.find("model_version_policy")) {
      config.version_policy = read_version_policy(*policy);
    }
    read_nireq();
    read_idle_time();
    config.target_device = object_.text("target_device").value_or(config.target_device);
    read_plugin_config();
    config.allow_cache = object_.boolean("allow_cache").value_or(config.allow_cache);
    read_stateful();
    read_custom_loader();
    config.graph_path = object_.text("graph_path").value_or(config.graph_path);
    note(check_model(config));
    return std::move(entry_);
  }

 private:
  // Keeps the first thing that is wrong with a value.
  void note(const Status& status) {
    if (entry_.status.ok()) entry_.status = status;
  }

  void read_base_path() {
    const auto given = object_.text("base_path");
    if (!given) return;
    const std::string& text = *given;
    const std::filesystem::path path(text);
    const bool as_it_is = text.empty() || path.is_absolute() || text.find("://") != std::string::npos;
    entry_.config.base_path = as_it_is ? text : (base_folder_ / path).lexically_normal().string();
  }

  void read_batch_size() {
    const Json* value = object_.find("batch_size");
    if (!value) return;
    auto batch = parse_batch_size(*scalar_text(*value));
    if (!batch.ok()) return note(batch.status());
    entry_.config.batch = *batch;
  }

  // A string, as the command line takes it (for the only input, or a JSON object in a string; empty is none), or an
  // object of strings.
  template <typename T>
  void read_per_input(const std::string& key, std::map<std::string, T>& into,
                      Result<std::map<std::string, T>> (*parse_text)(std::string_view),
                      Result<T> (*parse)(std::string_view)) {
    const Json* value = object_.find(key);
    if (!value) return;
    into.clear();
    if (value->is_string()) {
      const auto text = value->get<std::string>();
      if (text.empty()) return;
      auto values = parse_text(text);
      if (!values.ok()) return note(values.status());
      into = std::move(*values);
      return;
    }
    for (const auto& [name, text] : object_.texts(key)) {
      auto one = parse(text);
      if (!one.ok()) return note(one.status());
      into[name] = std::move(*one);
    }
  }

  void read_channel_values(const std::string& key, std::string& into) {
    const Json* value = object_.find(key);
    if (!value) return;
    into = value->is_array() ? value->dump() : *scalar_text(*value);
    if (auto values = parse_channel_values(key, into); !values.ok()) note(values.status());
  }

  void read_checked(const std::string& key, std::string& into, Result<std::string> (*parse)(std::string_view)) {
    const auto text = object_.text(key);
    if (!text) return;
    auto value = parse(*text);
    if (!value.ok()) return note(value.status());
    into = *value;
  }

  void read_nireq() {
    const auto nireq = object_.integer("nireq");
    if (!nireq) return;
    if (auto status = check_nireq(*nireq); !status.ok()) return note(status);
    entry_.config.nireq = static_cast<std::uint32_t>(*nireq);
  }

  void read_idle_time() {
    const auto seconds = object_.integer("idle_unload_seconds");
    if (!seconds) return;
    constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
    if (*seconds > kMost) {
      return note(invalid_argument(fmt::format("idle_unload_seconds: at most {} expected, not {}", kMost, *seconds)));
    }
    entry_.config.idle_unload_seconds = static_cast<std::uint32_t>(*seconds);
  }

  void read_plugin_config() {
    const Json* value = object_.find("plugin_config");
    if (!value) return;
    entry_.config.plugin_config.clear();
    for (const auto& [key, member] : value->items()) entry_.config.plugin_config[key] = *scalar_text(member);
  }

  void read_stateful() {
    StatefulParameters& stateful = entry_.config.stateful;
    stateful.enabled = object_.boolean("stateful").value_or(stateful.enabled);
    stateful.idle_sequence_cleanup = object_.boolean("idle_sequence_cleanup").value_or(stateful.idle_sequence_cleanup);
    stateful.low_latency_transformation =
        object_.boolean("low_latency_transformation").value_or(stateful.low_latency_transformation);
    const auto most = object_.integer("max_sequence_number");
    stateful.max_sequence_number = static_cast<std::uint32_t>(most.value_or(stateful.max_sequence_number));
  }

  void read_custom_loader() {
    const auto options = object_.texts("custom_loader_options");
    if (const auto name = options.find("loader_name"); name != options.end())
      entry_.config.custom_loader = name->second;
  }

  JsonObject object_;
  const std::filesystem::path& base_folder_;
  ModelEntry entry_;
};

}  // namespace

VersionPolicy read_version_policy(const Json& value) {
  VersionPolicy policy;
  if (value.contains("all")) {
    policy.kind = VersionPolicy::Kind::kAll;
  } else if (const auto latest = value.find("latest"); latest != value.end()) {
    policy.latest_count = latest->value("num_versions", policy.latest_count);
  } else {
    policy.kind = VersionPolicy::Kind::kSpecific;
    auto& versions = policy.specific;
    versions = value.at("specific").at("versions").get<std::vector<Version>>();
    std::sort(versions.begin(), versions.end());
    versions.erase(std::unique(versions.begin(), versions.end()), versions.end());
  }
  return policy;
}

ModelEntry read_model_document(const Json& value, const std::string& path, const std::filesystem::path& base_folder,
                               JsonProblem& problem, const ModelConfig& defaults) {
  return ModelReader(value, path, base_folder, problem, defaults).read();
}

}  // namespace ocelli::repository
