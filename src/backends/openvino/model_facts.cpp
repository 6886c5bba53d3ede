#include "backends/openvino/model_facts.hpp"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <vector>

namespace ocelli::openvino {
namespace {

using nlohmann::json;

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

std::string facts_to_text(const ModelFacts& facts) {
  return json{{"inputs", to_json(facts.signature.inputs)},
              {"outputs", to_json(facts.signature.outputs)},
              {"model_info", facts.model_info},
              {"stateful", facts.stateful},
              {"shapes_follow_inputs", facts.shapes_follow_inputs},
              {"dynamic", facts.dynamic},
              {"shape_check", facts.shape_check ? facts.shape_check->to_text() : ""}}
      .dump();
}

std::optional<ModelFacts> facts_from_text(std::string_view text) {
  try {
    const json value = json::parse(text);
    ModelFacts facts;
    facts.signature = {from_json(value.at("inputs")), from_json(value.at("outputs"))};
    value.at("model_info").get_to(facts.model_info);
    value.at("stateful").get_to(facts.stateful);
    value.at("shapes_follow_inputs").get_to(facts.shapes_follow_inputs);
    value.at("dynamic").get_to(facts.dynamic);
    const auto check = value.at("shape_check").get<std::string>();
    if (!check.empty()) facts.shape_check = ShapeCheck::from_text(check);
    if (!check.empty() && !facts.shape_check) return std::nullopt;
    return facts;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace ocelli::openvino
