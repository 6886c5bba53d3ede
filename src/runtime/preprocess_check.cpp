#include "runtime/preprocess_check.hpp"

#include <fmt/format.h>

#include <string>

#include "base/letter_case.hpp"

namespace ocelli {
Status check_preprocessing(const PreprocessOptions& options, std::string_view runtime) {
  const auto refuse = [&](const char* option) {
    return invalid_argument(fmt::format(
        "{} cannot be built into a model by {}; use OpenVINO (plugin_config RUNTIME=OPENVINO) or a model that has it "
        "inside",
        option, runtime));
  };
  for (const auto& [name, layout] : options.layout) {
    const std::string_view text = layout;
    const auto colon = text.find(':');
    if (colon != std::string_view::npos && !same_letters(text.substr(0, colon), text.substr(colon + 1)))
      return refuse("a change of layout");
  }
  if (!options.mean.empty()) return refuse("mean");
  if (!options.scale.empty()) return refuse("scale");
  if (!options.color_format.empty()) return refuse("color_format");
  if (!options.precision.empty()) return refuse("precision");
  return {};
}

void name_layouts(const PreprocessOptions& options, ModelSignature& signature) {
  const auto name_layout = [&](TensorSpec& spec, bool anonymous) {
    const auto found = options.layout.find(anonymous && !options.layout.contains(spec.name) ? "" : spec.name);
    if (found != options.layout.end() && found->second != "auto")
      spec.layout = found->second.substr(0, found->second.find(':'));
  };
  for (auto& input : signature.inputs) name_layout(input, signature.inputs.size() == 1);
  for (auto& output : signature.outputs) name_layout(output, false);
}

}  // namespace ocelli
