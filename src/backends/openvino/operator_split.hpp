// operator_split(): which devices of a HETERO list get which operators of a model.
#pragma once

#include <memory>
#include <openvino/core/any.hpp>
#include <openvino/core/model.hpp>
#include <openvino/runtime/core.hpp>
#include <string>

namespace ocelli::openvino {

// "GPU.0 runs 12 operators: Convolution 5, Relu 5, Add 2; CPU runs 1 operator: NonZero 1", the most frequent first, at
// most twelve kinds for each device; as OpenVINO's HETERO divides the model, which it is asked. Empty for a device that
// is no HETERO list, and when OpenVINO does not say. Never throws.
std::string operator_split(const ov::Core& core, const std::shared_ptr<const ov::Model>& model,
                           const std::string& device, const ov::AnyMap& properties) noexcept;

}  // namespace ocelli::openvino
