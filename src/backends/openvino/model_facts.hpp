// ModelFacts: what reading a model file tells and a compiled model does not.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "backends/openvino/shape_check.hpp"
#include "runtime/model_signature.hpp"

namespace ocelli::openvino {

struct ModelFacts {
  ModelSignature signature;
  std::map<std::string, std::string> model_info;
  bool stateful = false;
  // CompiledModel::shapes_follow_inputs().
  bool shapes_follow_inputs = false;
  // Some tensor in it, or one of its inputs, has no fixed shape.
  bool dynamic = false;
  // Null: shapes are found to fit, or not, by running.
  std::shared_ptr<ShapeCheck> shape_check;
};

// As JSON, and back; empty when the text is none of ours.
std::string facts_to_text(const ModelFacts& facts);
std::optional<ModelFacts> facts_from_text(std::string_view text);

}  // namespace ocelli::openvino
