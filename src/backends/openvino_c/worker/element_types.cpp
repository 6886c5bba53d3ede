#include "backends/openvino_c/worker/element_types.hpp"

#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>

#include "backends/openvino_c/worker/c_owner.hpp"

namespace ocelli::openvino_c {
namespace {

struct TypeName {
  DataType type;
  std::string_view element;    // as the IR's <data> has it
  std::string_view precision;  // as the IR's <port> has it
};
constexpr std::array kTypes{
    TypeName{DataType::kBool, "boolean", "BOOL"}, TypeName{DataType::kInt8, "i8", "I8"},
    TypeName{DataType::kInt16, "i16", "I16"},     TypeName{DataType::kInt32, "i32", "I32"},
    TypeName{DataType::kInt64, "i64", "I64"},     TypeName{DataType::kUint8, "u8", "U8"},
    TypeName{DataType::kUint16, "u16", "U16"},    TypeName{DataType::kUint32, "u32", "U32"},
    TypeName{DataType::kUint64, "u64", "U64"},    TypeName{DataType::kFp16, "f16", "FP16"},
    TypeName{DataType::kBf16, "bf16", "BF16"},    TypeName{DataType::kFp32, "f32", "FP32"},
    TypeName{DataType::kFp64, "f64", "FP64"},
};

// An IR with an input and a result of each type; the inputs are called as their type.
std::string model_of_all_types() {
  std::string layers;
  std::string edges;
  for (std::size_t i = 0; i < kTypes.size(); ++i) {
    const auto& type = kTypes[i];
    layers += fmt::format(
        R"(<layer id="{0}" name="{2}" type="Parameter" version="opset1"><data shape="1" element_type="{2}"/>)"
        R"(<output><port id="0" precision="{3}" names="{2}"><dim>1</dim></port></output></layer>)"
        R"(<layer id="{1}" name="{2}_result" type="Result" version="opset1">)"
        R"(<input><port id="0" precision="{3}"><dim>1</dim></port></input></layer>)",
        2 * i, 2 * i + 1, type.element, type.precision);
    edges += fmt::format(R"(<edge from-layer="{}" from-port="0" to-layer="{}" to-port="0"/>)", 2 * i, 2 * i + 1);
  }
  return fmt::format(
      R"(<?xml version="1.0"?><net name="types" version="11"><layers>{}</layers><edges>{}</edges></net>)", layers,
      edges);
}

Result<COwner<c::Model>> read_text(const CApi& api, const c::Core& core, const std::string& text) {
  return make_owner<c::Model>(api, StatusCode::kUnavailable, [&](auto** out) {
    if (api.ov_core_read_model_from_memory_buffer)
      return api.ov_core_read_model_from_memory_buffer(&core, text.data(), text.size(), nullptr, out);
    return api.ov_core_read_model_from_memory(&core, text.c_str(), nullptr, out);
  });
}

}  // namespace

Result<ElementTypes> ElementTypes::ask(const CApi& api, const c::Core& core) {
  if (!api.ov_core_read_model_from_memory && !api.ov_core_read_model_from_memory_buffer)
    return unavailable("the library cannot read a model out of memory");
  auto model = read_text(api, core, model_of_all_types());
  if (!model.ok()) return unavailable(fmt::format("the library cannot read models: {}", model.status().message()));
  ElementTypes types;
  for (std::size_t i = 0; i < kTypes.size(); ++i) {
    auto port = make_owner<c::Port>(api, StatusCode::kUnavailable, [&](auto** out) {
      return api.ov_model_const_input_by_index(model->get(), i, out);
    });
    if (!port.ok()) return port.status();
    char* name = nullptr;
    int number = 0;
    if (auto status = api.check(api.ov_port_get_any_name(port->get(), &name), StatusCode::kUnavailable); !status.ok())
      return status;
    const std::string element = api.take(name);
    auto status = api.check(api.ov_port_get_element_type(port->get(), &number), StatusCode::kUnavailable);
    if (!status.ok()) return status;
    for (const auto& type : kTypes) {
      if (type.element != element) continue;
      types.ours_[number] = type.type;
      types.theirs_[type.type] = number;
    }
  }
  if (types.ours_.size() != kTypes.size()) return unavailable("the library mixes up the types of tensors");
  return types;
}

DataType ElementTypes::ours(int number) const noexcept {
  const auto found = ours_.find(number);
  return found == ours_.end() ? DataType::kUndefined : found->second;
}

int ElementTypes::theirs(DataType type) const noexcept {
  const auto found = theirs_.find(type);
  return found == theirs_.end() ? -1 : found->second;
}

}  // namespace ocelli::openvino_c
