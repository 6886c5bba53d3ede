// An extension library for OpenVINO, as --cpu_extension takes it: the operation Triple, which multiplies by three.
#include <openvino/core/op_extension.hpp>
#include <openvino/op/op.hpp>

namespace {

class Triple final : public ov::op::Op {
 public:
  OPENVINO_OP("Triple", "extension");

  Triple() = default;
  explicit Triple(const ov::Output<ov::Node>& input) : Op({input}) { constructor_validate_and_infer_types(); }

  void validate_and_infer_types() override {
    set_output_type(0, get_input_element_type(0), get_input_partial_shape(0));
  }
  std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override {
    return std::make_shared<Triple>(inputs.at(0));
  }
  bool visit_attributes(ov::AttributeVisitor&) override { return true; }
  bool has_evaluate() const override { return true; }
  bool evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const override {
    outputs[0].set_shape(inputs[0].get_shape());
    const auto* from = inputs[0].data<const float>();
    auto* to = outputs[0].data<float>();
    for (std::size_t i = 0; i < inputs[0].get_size(); ++i) to[i] = from[i] * 3;
    return true;
  }
};

}  // namespace

OPENVINO_CREATE_EXTENSIONS(std::vector<ov::Extension::Ptr>({std::make_shared<ov::OpExtension<Triple>>()}))
