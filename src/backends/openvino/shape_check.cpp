#include "backends/openvino/shape_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <openvino/core/graph_util.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/pass/serialize.hpp>
#include <openvino/runtime/core.hpp>
#include <sstream>

#include "backends/openvino/openvino_error.hpp"
#include "backends/openvino/openvino_types.hpp"

namespace ocelli::openvino {
namespace {

// Constants whose values may say something about shapes (axes, extents, pads) are smaller.
constexpr std::size_t kLargeConstant = 4096;

// Behind the model's own inputs, which keep their positions.
void leave_out_weights(ov::Model& model) {
  for (const auto& op : model.get_ordered_ops()) {
    const auto constant = std::dynamic_pointer_cast<ov::op::v0::Constant>(op);
    if (!constant || constant->get_byte_size() < kLargeConstant) continue;
    const auto shape = std::make_shared<ov::op::v0::Parameter>(constant->get_element_type(), constant->get_shape());
    ov::replace_node(constant, shape);
    model.add_parameters({shape});
  }
  model.validate_nodes_and_infer_types();
}

std::string to_hex(const std::string& bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

std::string from_hex(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  return bytes;
}

std::vector<std::int64_t> key_of(const std::vector<Shape>& shapes) {
  std::vector<std::int64_t> key;
  for (const auto& shape : shapes) {
    key.push_back(static_cast<std::int64_t>(shape.rank()));
    key.insert(key.end(), shape.begin(), shape.end());
  }
  return key;
}

}  // namespace

std::shared_ptr<ShapeCheck> ShapeCheck::create(const std::shared_ptr<const ov::Model>& model) noexcept {
  std::shared_ptr<ShapeCheck> check;
  (void)guarded(StatusCode::kInternal, [&] {
    const auto copy = model->clone();
    leave_out_weights(*copy);
    check = std::make_shared<ShapeCheck>(copy);
  });
  return check;
}

std::string ShapeCheck::write() const {
  std::ostringstream xml;
  std::ostringstream constants;
  ov::pass::Serialize(xml, constants).run_on_model(model_);
  return nlohmann::json{{"model", xml.str()}, {"constants", to_hex(constants.str())}}.dump();
}

std::string ShapeCheck::to_text() const noexcept {
  std::string text;
  return guarded(StatusCode::kInternal, [&] { text = write(); }).ok() ? text : std::string();
}

std::shared_ptr<ShapeCheck> ShapeCheck::from_text(const std::string& text) noexcept {
  std::shared_ptr<ShapeCheck> check;
  (void)guarded(StatusCode::kInternal, [&] {
    const auto parts = nlohmann::json::parse(text);
    const auto bytes = from_hex(parts.at("constants").get<std::string>());
    ov::Tensor constants(ov::element::u8, {bytes.size()});
    std::copy(bytes.begin(), bytes.end(), static_cast<char*>(constants.data()));
    ov::Core core;
    check = std::make_shared<ShapeCheck>(core.read_model(parts.at("model").get<std::string>(), constants));
  });
  return check;
}

Status ShapeCheck::check(const std::vector<Shape>& shapes) {
  auto key = key_of(shapes);
  {
    const std::lock_guard lock(taken_mutex_);
    if (taken_.contains(key)) return {};
  }
  if (const auto status = walk(shapes); !status.ok())
    return invalid_argument(fmt::format("the model refuses these shapes: {}", status.message()));
  const std::lock_guard lock(taken_mutex_);
  if (taken_.size() >= kMaxTaken) taken_.clear();
  taken_.insert(std::move(key));
  return {};
}

// Not reshape(), which first makes of the model one that takes more shapes.
Status ShapeCheck::walk(const std::vector<Shape>& shapes) {
  const std::lock_guard lock(model_mutex_);
  return guarded(StatusCode::kInternal, [&] {
    const auto& inputs = model_->get_parameters();
    for (std::size_t i = 0; i < shapes.size(); ++i) inputs[i]->set_partial_shape(to_ov(shapes[i]));
    model_->validate_nodes_and_infer_types();
  });
}

}  // namespace ocelli::openvino
