#include "backends/openvino/openvino_preprocess.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <openvino/core/preprocess/pre_post_process.hpp>
#include <set>

#include "backends/openvino/openvino_error.hpp"
#include "backends/openvino/openvino_types.hpp"
#include "base/letter_case.hpp"
#include "runtime/shape_override.hpp"

namespace ocelli::openvino {
namespace {

using ov::preprocess::ColorFormat;
using ov::preprocess::PrePostProcessor;

// "target:source": clients send target, the model has source. One name alone stands for both.
struct Pair {
  std::string target;
  std::string source;
};

Pair split_pair(std::string_view given) {
  const std::string text = upper(given);
  const auto colon = text.find(':');
  if (colon == std::string::npos) return {text, text};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

std::optional<ColorFormat> color_format(const std::string& name) {
  static const std::map<std::string, ColorFormat> kFormats{
      {"RGB", ColorFormat::RGB},
      {"BGR", ColorFormat::BGR},
      {"GRAY", ColorFormat::GRAY},
      {"NV12", ColorFormat::NV12_SINGLE_PLANE},
      {"NV12_2", ColorFormat::NV12_TWO_PLANES},
      {"I420", ColorFormat::I420_SINGLE_PLANE},
      {"I420_3", ColorFormat::I420_THREE_PLANES},
  };
  const auto found = kFormats.find(name);
  if (found == kFormats.end()) return std::nullopt;
  return found->second;
}

template <typename Port>
std::string name_of(const Port& port, bool is_output, std::set<std::string>& taken) {
  std::string name;
  if (!port.get_names().empty()) {
    name = port.get_any_name();
  } else {
    const ov::Node* node = port.get_node();
    name = is_output && node->get_input_size() > 0 ? node->get_input_node_ptr(0)->get_friendly_name()
                                                   : node->get_friendly_name();
  }
  const std::string wanted = name;
  for (int n = 2; !taken.insert(name).second; ++n) name = fmt::format("{}_{}", wanted, n);
  return name;
}

template <typename Port>
Result<std::vector<TensorSpec>> specs_of(const std::vector<Port>& ports, bool is_output) {
  std::vector<TensorSpec> result;
  std::set<std::string> taken;
  for (const auto& port : ports) {
    TensorSpec spec;
    spec.name = name_of(port, is_output, taken);
    spec.type = from_ov(port.get_element_type());
    if (spec.type == DataType::kUndefined) {
      return failed_precondition(fmt::format("{} {} has type {}, which cannot be served",
                                             is_output ? "output" : "input", spec.name,
                                             port.get_element_type().get_type_name()));
    }
    if (port.get_partial_shape().rank().is_static() && port.get_partial_shape().size() > Shape::kMaxRank) {
      return failed_precondition(fmt::format("{} has more than {} dimensions", spec.name, Shape::kMaxRank));
    }
    spec.shape = from_ov(port.get_partial_shape());
    const auto& info = port.get_rt_info();
    if (const auto layout = info.find(ov::LayoutAttribute::get_type_info_static()); layout != info.end()) {
      spec.layout = layout_letters(layout->second.template as<ov::LayoutAttribute>().value);
    }
    result.push_back(std::move(spec));
  }
  return result;
}

std::optional<std::size_t> find_name(const std::vector<TensorSpec>& specs, const std::string& name) {
  const auto found = std::find_if(specs.begin(), specs.end(), [&](const auto& spec) { return spec.name == name; });
  if (found == specs.end()) return std::nullopt;
  return static_cast<std::size_t>(found - specs.begin());
}

// Sets the layouts; remembers in inputs what the client's layout of each input is.
Status set_layouts(PrePostProcessor& processor, std::vector<TensorSpec>& inputs, const std::vector<TensorSpec>& outputs,
                   const std::map<std::string, std::string>& layouts) {
  for (const auto& [name, text] : layouts) {
    if (name.empty() && inputs.size() != 1) {
      return invalid_argument(
          fmt::format("layout without an input name needs a model with one input; this one has {}", inputs.size()));
    }
    const Pair pair = split_pair(text);
    if (pair.target == "AUTO") continue;
    const auto input = name.empty() ? std::size_t{0} : find_name(inputs, name);
    const auto output = name.empty() ? std::nullopt : find_name(outputs, name);
    if (!input && !output)
      return invalid_argument(fmt::format("layout is given for {}, which the model does not have", name));
    const auto status = guarded(StatusCode::kInvalidArgument, [&] {
      if (input) {
        processor.input(*input).tensor().set_layout(ov::Layout(pair.target));
        processor.input(*input).model().set_layout(ov::Layout(pair.source));
        inputs[*input].layout = layout_letters(ov::Layout(pair.target));
      } else {
        processor.output(*output).tensor().set_layout(ov::Layout(pair.target));
        processor.output(*output).model().set_layout(ov::Layout(pair.source));
      }
    });
    if (!status.ok()) return invalid_argument(fmt::format("layout {} cannot be applied: {}", text, status.message()));
  }
  return {};
}

Status set_precision(PrePostProcessor& processor, std::size_t input, const std::string& option) {
  const auto colon = option.find(':');
  const auto target = element_type_from_option(option.substr(0, colon));
  const auto source = colon == std::string::npos ? target : element_type_from_option(option.substr(colon + 1));
  if (!target || !source || from_ov(*target) == DataType::kUndefined) {
    return invalid_argument(
        fmt::format("precision {} is not known; expected names such as fp32, uint8 or uint8:fp32", option));
  }
  processor.input(input).tensor().set_element_type(*target);
  if (*source != *target) processor.input(input).preprocess().convert_element_type(*source);
  return {};
}

// Whether "target:source" leaves whole numbers, of which a mean would cut the fraction off.
bool leaves_whole_numbers(const std::string& precision) {
  const auto type = element_type_from_option(precision.substr(precision.find(':') + 1));  // the only one without ':'
  return type && type->is_integral_number();
}

// color_format, mean and scale of one input whose layout names the channels.
Status set_pixel_steps(PrePostProcessor& processor, std::size_t input, const TensorSpec& spec,
                       const PreprocessOptions& options) {
  auto& info = processor.input(input);
  if (!options.color_format.empty()) {
    const Pair pair = split_pair(options.color_format);
    const auto target = color_format(pair.target);
    const auto source = color_format(pair.source);
    if (!target || !source) {
      return invalid_argument(fmt::format(
          "color_format {} is not known; expected RGB, BGR, GRAY, NV12, NV12_2, I420 or I420_3, or two of them "
          "such as BGR:RGB",
          options.color_format));
    }
    if (*target != *source) {
      info.tensor().set_color_format(*target);
      info.preprocess().convert_color(*source);
    }
  }
  if (options.mean.empty() && options.scale.empty()) return {};
  const bool as_the_model = options.precision.empty();
  if (as_the_model ? spec.type != DataType::kFp32 : leaves_whole_numbers(options.precision))
    info.preprocess().convert_element_type(ov::element::f32);
  if (options.mean.size() == 1) info.preprocess().mean(options.mean.front());
  if (options.mean.size() > 1) info.preprocess().mean(options.mean);
  if (options.scale.size() == 1) info.preprocess().scale(options.scale.front());
  if (options.scale.size() > 1) info.preprocess().scale(options.scale);
  return {};
}

bool wants_pixel_steps(const PreprocessOptions& options) {
  return !options.mean.empty() || !options.scale.empty() || !options.color_format.empty();
}

Status set_steps(PrePostProcessor& processor, const std::vector<TensorSpec>& inputs, const PreprocessOptions& options) {
  bool any_pixels = false;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!options.precision.empty()) {
      if (auto status = set_precision(processor, i, options.precision); !status.ok()) return status;
    }
    if (!wants_pixel_steps(options) || inputs[i].layout.find('C') == std::string::npos) continue;
    any_pixels = true;
    if (auto status = set_pixel_steps(processor, i, inputs[i], options); !status.ok()) return status;
  }
  if (wants_pixel_steps(options) && !any_pixels) {
    return invalid_argument("mean, scale and color_format need a layout that says where the channels (C) are");
  }
  return {};
}

}  // namespace

Result<ModelSignature> signature_of(const std::vector<ov::Output<const ov::Node>>& inputs,
                                    const std::vector<ov::Output<const ov::Node>>& outputs) {
  auto input_specs = specs_of(inputs, false);
  if (!input_specs.ok()) return input_specs.status();
  auto output_specs = specs_of(outputs, true);
  if (!output_specs.ok()) return output_specs.status();
  return ModelSignature{std::move(*input_specs), std::move(*output_specs)};
}

Status apply_preprocessing(std::shared_ptr<ov::Model>& model, const PreprocessOptions& options) {
  if (options.layout.empty() && options.precision.empty() && !wants_pixel_steps(options)) return {};
  const std::shared_ptr<const ov::Model> view = model;
  auto signature = signature_of(view->inputs(), view->outputs());
  if (!signature.ok()) return signature.status();
  Status inner;
  const Status outer = guarded(StatusCode::kInvalidArgument, [&] {
    PrePostProcessor processor(model);
    inner = set_layouts(processor, signature->inputs, signature->outputs, options.layout);
    if (inner.ok()) inner = set_steps(processor, signature->inputs, options);
    if (inner.ok()) model = processor.build();
  });
  if (!inner.ok()) return inner;
  if (!outer.ok())
    return invalid_argument(
        fmt::format("layout, mean, scale, color_format or precision do not fit the model: {}", outer.message()));
  return {};
}

Status apply_shapes(ov::Model& model, const CompileOptions& options) {
  if (options.shapes.empty() && !options.batch) return {};
  const auto& view = static_cast<const ov::Model&>(model);
  auto signature = signature_of(view.inputs(), view.outputs());
  if (!signature.ok()) return signature.status();
  auto shapes = overridden_shapes(signature->inputs, options);
  if (!shapes.ok()) return shapes.status();
  std::map<std::size_t, ov::PartialShape> changed;
  for (const auto& [index, shape] : *shapes) {
    if (shape != signature->inputs[index].shape) changed.emplace(index, to_ov(shape));
  }
  if (changed.empty()) return {};
  const Status status = guarded(StatusCode::kFailedPrecondition, [&] { model.reshape(changed); });
  if (status.ok()) return {};
  return failed_precondition(fmt::format("Model could not be reshaped with requested shape - {}", status.message()));
}

bool remove_string_identities(const std::shared_ptr<ov::Model>& model) {
  bool any = false;
  for (const auto& node : model->get_ordered_ops()) {
    const bool is_identity = std::string_view(node->get_type_name()) == "Identity";
    if (!is_identity || node->get_output_element_type(0) != ov::element::string) continue;
    for (auto& user : node->output(0).get_target_inputs()) user.replace_source_output(node->input_value(0));
    any = true;
  }
  return any;
}

}  // namespace ocelli::openvino
