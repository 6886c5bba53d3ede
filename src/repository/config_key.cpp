#include "repository/config_key.hpp"

#include <algorithm>

#include "repository/model_keys.hpp"

namespace ocelli::repository {
namespace {

constexpr std::int64_t kMaxDemultiply = 10'000;
constexpr std::int64_t kMaxVersion = std::int64_t{1} << 62;

constexpr ConfigObject kNothing{.name = "empty", .help = "An object without keys: {}.", .keys = {}};
constexpr ConfigKey kLatestKeys[] = {
    {.name = "num_versions",
     .type = ConfigType::kInteger,
     .help = "How many of the highest versions are served.",
     .default_text = "1",
     .least = 1,
     .most = std::numeric_limits<std::uint32_t>::max()},
};
constexpr ConfigObject kLatest{
    .name = "latest", .help = "`latest` of a version policy: the highest versions.", .keys = kLatestKeys};
constexpr ConfigKey kSpecificKeys[] = {
    {.name = "versions",
     .type = ConfigType::kIntegerList,
     .help = "Those of them that the folder has are served.",
     .need = ConfigNeed::kByFile,
     .least = 1,
     .most = kMaxVersion},
};
constexpr ConfigObject kSpecific{
    .name = "specific", .help = "`specific` of a version policy: versions by number.", .keys = kSpecificKeys};
constexpr ConfigKey kVersionPolicyKeys[] = {
    {.name = "all", .type = ConfigType::kObject, .help = "Every version is served.", .object = &kNothing},
    {.name = "latest", .type = ConfigType::kObject, .help = "The highest versions are served.", .object = &kLatest},
    {.name = "specific", .type = ConfigType::kObject, .help = "Named versions are served.", .object = &kSpecific},
};
constexpr ConfigKey kLoaderOptionsKeys[] = {
    {.name = "loader_name",
     .type = ConfigType::kText,
     .help = "Name of an entry of custom_loader_config_list.",
     .need = ConfigNeed::kByFile},
};

constexpr ConfigObject kModel{
    .name = "model", .help = "`config` of an entry of `model_config_list`: one model.", .keys = kModelKeys};
constexpr ConfigKey kModelEntryKeys[] = {
    {.name = "config",
     .type = ConfigType::kObject,
     .help = "The model.",
     .need = ConfigNeed::kByFile,
     .object = &kModel},
};
constexpr ConfigObject kModelEntry{
    .name = "model_entry", .help = "An entry of `model_config_list`.", .keys = kModelEntryKeys};

constexpr ConfigKey kConnectionKeys[] = {
    {.name = "node_name",
     .type = ConfigType::kText,
     .help = "The node that the data comes from; request is what the client sent.",
     .need = ConfigNeed::kByFile},
    {.name = "data_item",
     .type = ConfigType::kText,
     .help = "The alias of an output of that node, or the name of an input of the pipeline.",
     .need = ConfigNeed::kByFile},
};
constexpr ConfigObject kConnection{.name = "connection",
                                   .help = "Where the input of a node or the output of a pipeline comes from.",
                                   .keys = kConnectionKeys};
constexpr ConfigKey kNodeOutputKeys[] = {
    {.name = "data_item",
     .type = ConfigType::kText,
     .help = "The name that the model gives to its output.",
     .need = ConfigNeed::kByFile},
    {.name = "alias",
     .type = ConfigType::kText,
     .help = "The name by which other nodes ask for it; no other output of the node may have it.",
     .need = ConfigNeed::kByFile},
};
constexpr ConfigObject kNodeOutput{
    .name = "node_output", .help = "An entry of a node's `outputs`.", .keys = kNodeOutputKeys};
constexpr ConfigKey kNodeKeys[] = {
    {.name = "name", .type = ConfigType::kText, .help = "Name within the pipeline.", .need = ConfigNeed::kByFile},
    {.name = "type",
     .type = ConfigType::kText,
     .help = "DL model runs a model of model_config_list. A pipeline with a custom node is read and not served: custom "
             "nodes are not supported.",
     .need = ConfigNeed::kByFile,
     .choices = "DL model|custom"},
    {.name = "model_name", .type = ConfigType::kText, .help = "The model that a node of type DL model runs."},
    {.name = "version",
     .type = ConfigType::kInteger,
     .help = "Version of that model.",
     .default_text = "0, the default version",
     .most = kMaxVersion},
    {.name = "inputs",
     .type = ConfigType::kNamedObjects,
     .help = "For each input of the model, by name, where its data comes from.",
     .need = ConfigNeed::kByFile,
     .object = &kConnection},
    {.name = "outputs",
     .type = ConfigType::kObjectList,
     .help = "The outputs of the model that are used.",
     .need = ConfigNeed::kByFile,
     .object = &kNodeOutput},
    {.name = "demultiply_count",
     .type = ConfigType::kInteger,
     .help = "Splits every output of this node along its first dimension into so many runs of what follows; -1 (or 0) "
             "for any number.",
     .least = -1,
     .most = kMaxDemultiply},
    {.name = "gather_from_node",
     .type = ConfigType::kText,
     .help = "Puts the runs that this node split (or request) together again in front of this one."},
    {.name = "library_name", .type = ConfigType::kText, .help = "The library of a custom node."},
    {.name = "params", .type = ConfigType::kTexts, .help = "Parameters of a custom node."},
};
constexpr ConfigObject kNode{.name = "node", .help = "An entry of a pipeline's `nodes`.", .keys = kNodeKeys};
constexpr ConfigKey kPipelineKeys[] = {
    {.name = "name",
     .type = ConfigType::kText,
     .help = "Name under which clients ask for it, as for a model.",
     .need = ConfigNeed::kByFile},
    {.name = "inputs",
     .type = ConfigType::kTextList,
     .help = "Names of what clients send.",
     .need = ConfigNeed::kByFile},
    {.name = "nodes",
     .type = ConfigType::kObjectList,
     .help = "The models that run, in any order.",
     .need = ConfigNeed::kByFile,
     .object = &kNode},
    {.name = "outputs",
     .type = ConfigType::kNamedObjects,
     .help = "For each output of the pipeline, by name, where it comes from.",
     .need = ConfigNeed::kByFile,
     .object = &kConnection},
    {.name = "demultiply_count",
     .type = ConfigType::kInteger,
     .help =
         "Splits every input of the pipeline along its first dimension into so many runs; -1 (or 0) for any number.",
     .least = -1,
     .most = kMaxDemultiply},
};
constexpr ConfigObject kPipeline{.name = "pipeline",
                                 .help = "An entry of `pipeline_config_list`: models that run one after another.",
                                 .keys = kPipelineKeys};

constexpr ConfigObject kMetrics{.name = "metrics", .help = "`metrics` of `monitoring`.", .keys = kMetricsKeys};
constexpr ConfigKey kMonitoringKeys[] = {
    {.name = "metrics",
     .type = ConfigType::kObject,
     .help = "The page for Prometheus. The command line's metrics options cannot be given as well.",
     .need = ConfigNeed::kByFile,
     .object = &kMetrics},
};
constexpr ConfigObject kMonitoring{.name = "monitoring", .help = "`monitoring`.", .keys = kMonitoringKeys};

constexpr ConfigKey kLoaderKeys[] = {
    {.name = "loader_name", .type = ConfigType::kText, .help = "Its name.", .need = ConfigNeed::kByFile},
    {.name = "library_path", .type = ConfigType::kText, .help = "Its library.", .need = ConfigNeed::kByFile},
    {.name = "loader_config_file", .type = ConfigType::kText, .help = "Its configuration."},
};
constexpr ConfigObject kLoader{
    .name = "custom_loader", .help = "`config` of an entry of `custom_loader_config_list`.", .keys = kLoaderKeys};
constexpr ConfigKey kLoaderEntryKeys[] = {
    {.name = "config",
     .type = ConfigType::kObject,
     .help = "The loader.",
     .need = ConfigNeed::kByFile,
     .object = &kLoader},
};
constexpr ConfigObject kLoaderEntry{
    .name = "custom_loader_entry", .help = "An entry of `custom_loader_config_list`.", .keys = kLoaderEntryKeys};
constexpr ConfigKey kNodeLibraryKeys[] = {
    {.name = "name", .type = ConfigType::kText, .help = "Its name.", .need = ConfigNeed::kByFile},
    {.name = "base_path", .type = ConfigType::kText, .help = "Its file.", .need = ConfigNeed::kByFile},
};
constexpr ConfigObject kNodeLibrary{
    .name = "custom_node_library", .help = "An entry of `custom_node_library_config_list`.", .keys = kNodeLibraryKeys};
constexpr ConfigKey kGraphKeys[] = {
    {.name = "name", .type = ConfigType::kText, .help = "Its name.", .need = ConfigNeed::kByFile},
    {.name = "base_path", .type = ConfigType::kText, .help = "Its folder."},
    {.name = "graph_path", .type = ConfigType::kText, .help = "Its file."},
    {.name = "subconfig", .type = ConfigType::kText, .help = "Its models."},
};
constexpr ConfigObject kGraph{
    .name = "mediapipe_graph", .help = "An entry of `mediapipe_config_list`.", .keys = kGraphKeys};

constexpr ConfigKey kDocumentKeys[] = {
    {.name = "model_config_list",
     .type = ConfigType::kObjectList,
     .help = "The models; may be empty.",
     .need = ConfigNeed::kByFile,
     .object = &kModelEntry},
    {.name = "pipeline_config_list",
     .type = ConfigType::kObjectList,
     .help = "Pipelines of these models.",
     .object = &kPipeline},
    {.name = "monitoring", .type = ConfigType::kObject, .help = "Metrics.", .object = &kMonitoring},
    {.name = "custom_loader_config_list",
     .type = ConfigType::kObjectList,
     .help = "Accepted, as OVMS has it; models that ask for one of these loaders are not served.",
     .object = &kLoaderEntry},
    {.name = "custom_node_library_config_list",
     .type = ConfigType::kObjectList,
     .help = "Accepted, as OVMS has it; pipelines with custom nodes are not served.",
     .object = &kNodeLibrary},
    {.name = "mediapipe_config_list",
     .type = ConfigType::kObjectList,
     .help = "Accepted, as OVMS has it; the graphs are not served.",
     .object = &kGraph},
};
constexpr ConfigObject kDocument{.name = "config", .help = "The top of `config.json`.", .keys = kDocumentKeys};

constexpr ConfigKey kMappingKeys[] = {
    {.name = "inputs",
     .type = ConfigType::kTexts,
     .help = "From the model's own name of an input to the one that clients use."},
    {.name = "outputs", .type = ConfigType::kTexts, .help = "The same for outputs."},
};
constexpr ConfigObject kMapping{.name = "mapping_config",
                                .help =
                                    "`mapping_config.json`, which may lie in a version folder: other names for the "
                                    "inputs and outputs of that version.",
                                .keys = kMappingKeys};

}  // namespace

constexpr ConfigObject kVersionPolicyObject{.name = "version_policy",
                                            .help = "`model_version_policy` of a model: exactly one of these.",
                                            .keys = kVersionPolicyKeys,
                                            .one_key = true};
constexpr ConfigObject kLoaderOptionsObject{
    .name = "custom_loader_options",
    .help = "`custom_loader_options` of a model; other keys with strings may stand here too.",
    .keys = kLoaderOptionsKeys,
    .other_texts = true};

const ConfigObject& config_document() noexcept { return kDocument; }
const ConfigObject& config_model() noexcept { return kModel; }
const ConfigObject& config_version_policy() noexcept { return kVersionPolicyObject; }
const ConfigObject& mapping_document() noexcept { return kMapping; }

const ConfigKey* find_key(const ConfigObject& object, std::string_view name) noexcept {
  const auto found = std::ranges::find(object.keys, name, &ConfigKey::name);
  return found == object.keys.end() ? nullptr : &*found;
}

}  // namespace ocelli::repository
