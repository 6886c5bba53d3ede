#include "backends/openvino/model_facts.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

namespace ocelli::openvino {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

bool changes_graph(const CompileOptions& options) {
  const auto& steps = options.preprocess;
  return options.low_latency_transformation || options.batch || !options.shapes.empty() || !steps.layout.empty() ||
         !steps.mean.empty() || !steps.scale.empty() || !steps.color_format.empty() || !steps.precision.empty();
}

json to_json(const std::vector<TensorSpec>& specs) {
  json result = json::array();
  for (const auto& spec : specs) {
    json dims = json::array();
    for (const auto& dim : spec.shape.dims) dims.push_back({dim.min, dim.max});
    result.push_back({{"name", spec.name},
                      {"type", static_cast<int>(spec.type)},
                      {"rank_known", spec.shape.rank_known},
                      {"dims", std::move(dims)},
                      {"layout", spec.layout}});
  }
  return result;
}

std::vector<TensorSpec> from_json(const json& list) {
  std::vector<TensorSpec> result;
  for (const auto& value : list) {
    TensorSpec spec;
    value.at("name").get_to(spec.name);
    const int type = value.at("type").get<int>();
    if (type <= 0 || type > static_cast<int>(DataType::kString)) throw std::out_of_range("type");
    spec.type = static_cast<DataType>(type);
    value.at("rank_known").get_to(spec.shape.rank_known);
    for (const auto& dim : value.at("dims"))
      spec.shape.dims.push_back({dim.at(0).get<std::int64_t>(), dim.at(1).get<std::int64_t>()});
    value.at("layout").get_to(spec.layout);
    result.push_back(std::move(spec));
  }
  return result;
}

}  // namespace

FactsCache::FactsCache(const ModelSource& source, const CompileOptions& options, const std::string& runtime_version)
    : model_(source.path), version_(runtime_version) {
  if (options.cache_dir.empty() || changes_graph(options)) return;
  std::error_code error;
  const auto absolute = fs::weakly_canonical(source.path, error);
  if (error) return;
  // FNV-1a, as in draft-eastlake-fnv: the same on every machine and in every build.
  std::uint64_t hash = 14695981039346656037U;
  for (const unsigned char byte : absolute.string()) hash = (hash ^ byte) * 1099511628211U;
  file_ = fs::path(options.cache_dir) / fmt::format("{:016x}.facts.json", hash);
  state_ = state_of_files();
}

std::string FactsCache::state_of_files() const {
  std::vector<fs::path> files;
  std::error_code error;
  if (fs::is_directory(model_, error)) {
    for (const auto& entry : fs::recursive_directory_iterator(model_, error)) files.push_back(entry.path());
  } else {
    files = {model_, fs::path(model_).replace_extension(".bin"), fs::path(model_).replace_extension(".pdiparams")};
  }
  std::sort(files.begin(), files.end());
  std::string state = version_ + "\n" + fs::weakly_canonical(model_, error).string() + "\n";
  for (const auto& file : files) {
    const auto size = fs::file_size(file, error);
    if (error) continue;
    const auto time = fs::last_write_time(file, error).time_since_epoch().count();
    state += fmt::format("{} {} {}\n", file.filename().string(), size, time);
  }
  return state;
}

bool FactsCache::current() const { return usable() && state_of_files() == state_; }

std::optional<ModelFacts> FactsCache::load() const {
  if (!usable()) return std::nullopt;
  try {
    std::ifstream file(file_);
    if (!file) return std::nullopt;
    const json value = json::parse(file);
    if (value.at("state").get<std::string>() != state_) return std::nullopt;
    ModelFacts facts;
    facts.signature = {from_json(value.at("inputs")), from_json(value.at("outputs"))};
    value.at("model_info").get_to(facts.model_info);
    value.at("stateful").get_to(facts.stateful);
    return facts;
  } catch (const std::exception&) {
    return std::nullopt;  // cut off or not ours
  }
}

void FactsCache::save(const ModelFacts& facts) const noexcept {
  if (!usable()) return;
  try {
    const json value{{"state", state_},
                     {"inputs", to_json(facts.signature.inputs)},
                     {"outputs", to_json(facts.signature.outputs)},
                     {"model_info", facts.model_info},
                     {"stateful", facts.stateful}};
    fs::create_directories(file_.parent_path());
    fs::path temporary = file_;
    temporary += fmt::format(".{}", ::getpid());
    std::ofstream(temporary) << value.dump(1);
    fs::rename(temporary, file_);
  } catch (const std::exception&) {
    return;
  }
}

}  // namespace ocelli::openvino
