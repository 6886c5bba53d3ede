#include "repository/load_request.hpp"

#include <fmt/format.h>

#include "repository/model_folder.hpp"
#include "repository/model_parameters.hpp"

namespace ocelli::repository {
namespace {

Status refuse_unsupported(const ModelConfig& config) {
  if (!config.custom_loader.empty())
    return unimplemented(fmt::format("custom loader \"{}\": custom loaders are not supported", config.custom_loader));
  if (!config.graph_path.empty())
    return unimplemented(fmt::format("graph_path \"{}\": MediaPipe graphs are not supported", config.graph_path));
  return {};
}

Status fill_channel_values(const char* name, const std::string& text, std::vector<float>& into) {
  if (text.empty()) return {};
  auto values = parse_channel_values(name, text);
  if (!values.ok()) return values.status();
  into = std::move(values).value();
  return {};
}

Status fill_preprocessing(const ModelConfig& config, const NameMapping& mapping, PreprocessOptions& into) {
  auto layouts = layouts_by_tensor(config, mapping);
  if (!layouts.ok()) return layouts.status();
  into.layout = std::move(layouts).value();
  into.color_format = config.preprocess.color_format;
  into.precision = config.preprocess.precision;
  if (Status status = fill_channel_values("mean", config.preprocess.mean, into.mean); !status.ok()) return status;
  return fill_channel_values("scale", config.preprocess.scale, into.scale);
}

Status fill_shapes(const ModelConfig& config, const NameMapping& mapping, CompileOptions& into) {
  auto shapes = shapes_by_tensor(config, mapping);
  if (!shapes.ok()) return shapes.status();
  for (const auto& [input, shape] : *shapes) {
    // An automatic shape begins with the one in the file.
    if (!shape.automatic) into.shapes[input] = shape.extents;
  }
  if (config.shapes.empty() && config.batch.kind == BatchParameter::Kind::kSet) into.batch = config.batch.extent;
  return {};
}

}  // namespace

std::string cache_folder(const ModelConfig& config, const RepositoryOptions& options) {
  return config.automatic() && !config.allow_cache ? std::string() : options.cache_dir;
}

Result<ModelLoad> make_load(const ModelConfig& config, Version version, const std::filesystem::path& path,
                            const RepositoryOptions& options, std::shared_ptr<observability::ServableMetrics> metrics) {
  if (Status status = refuse_unsupported(config); !status.ok()) return status;
  ModelLoad load;
  load.config = config;
  load.version = version;
  load.metrics = std::move(metrics);
  if (const auto file = model_file(path)) {
    load.source = *file;
  } else {
    auto source = find_model_file(path);
    if (!source.ok()) return source.status();
    load.source = *source;
    auto mapping = read_name_mapping(path);
    if (!mapping.ok()) return mapping.status();
    load.mapping = std::move(mapping).value();
  }
  load.options.properties = config.plugin_config;
  load.options.cache_dir = cache_folder(config, options);
  load.options.extension_library = options.cpu_extension;
  load.options.low_latency_transformation = config.stateful.low_latency_transformation;
  load.options.requests = config.nireq != 0 ? config.nireq : options.nireq;
  if (Status status = fill_preprocessing(config, load.mapping, load.options.preprocess); !status.ok()) return status;
  if (Status status = fill_shapes(config, load.mapping, load.options); !status.ok()) return status;
  return load;
}

}  // namespace ocelli::repository
