#include "backends/onnxruntime/nvidia_io.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cstring>

#include "backends/onnxruntime/ort_types.hpp"

namespace ocelli::onnxruntime {
namespace {

constexpr const char* kGraphNumber = "gpu_graph_id";

Status check_ort(const OrtApi& api, OrtStatus* status) { return take(api, status, StatusCode::kInternal); }

Result<OrtOwner<OrtAllocator>> open_allocator(const OrtApi& api, const OrtSession& session, const char* name,
                                              std::uint32_t card, OrtMemType type) {
  auto info = make_owner<OrtMemoryInfo>(api, StatusCode::kFailedPrecondition, [&](auto** out) {
    return api.CreateMemoryInfo(name, OrtDeviceAllocator, static_cast<int>(card), type, out);
  });
  if (!info.ok()) return info.status();
  return make_owner<OrtAllocator>(api, StatusCode::kFailedPrecondition,
                                  [&](auto** out) { return api.CreateAllocator(&session, info->get(), out); });
}

// Numbers of recordings are the session's own, but one counter for all does as well. 0 is ONNX Runtime's.
int next_graph_number() {
  static std::atomic<int> last{0};
  return ++last;
}

Result<void*> data_of(const OrtApi& api, OrtValue& value) {
  void* data = nullptr;
  if (auto status = check_ort(api, api.GetTensorMutableData(&value, &data)); !status.ok()) return status;
  return data;
}

Shape fixed_shape(const TensorSpec& spec) {
  Shape shape;
  for (const auto& dim : spec.shape.dims) shape.push_back(dim.min);
  return shape;
}

}  // namespace

Result<std::unique_ptr<NvidiaMemory>> NvidiaMemory::create(const OrtApi& api, const OrtSession& session,
                                                           std::uint32_t card, const NvidiaSettings& settings,
                                                           bool open_dimensions) {
  const auto copy = CudaCopy::open(card);
  if (!copy.ok()) return failed_precondition(std::string(copy.status().message()));
  std::unique_ptr<NvidiaMemory> memory(new NvidiaMemory(api, card, *copy, settings, open_dimensions));
  // Pinned memory belongs to the host: some versions register it for card 0 whichever card computes.
  auto pinned = open_allocator(api, session, "CudaPinned", card, OrtMemTypeCPUOutput);
  if (!pinned.ok() && card != 0) pinned = open_allocator(api, session, "CudaPinned", 0, OrtMemTypeCPUOutput);
  if (!pinned.ok()) return pinned.status();
  auto device = open_allocator(api, session, "Cuda", card, OrtMemTypeDefault);
  if (!device.ok()) return device.status();
  memory->pinned_ = std::move(*pinned);
  memory->device_ = std::move(*device);
  return memory;
}

Result<OrtOwner<OrtValue>> NvidiaMemory::tensor(OrtAllocator& allocator, DataType type, const Shape& shape) const {
  return make_owner<OrtValue>(api_, StatusCode::kResourceExhausted, [&](auto** out) {
    return api_.CreateTensorAsOrtValue(&allocator, shape.begin(), shape.rank(), to_ort(type), out);
  });
}

Result<OrtOwner<OrtValue>> NvidiaMemory::pinned_tensor(DataType type, const Shape& shape) const {
  return tensor(*pinned_, type, shape);
}

Result<OrtOwner<OrtValue>> NvidiaMemory::card_tensor(DataType type, const Shape& shape) const {
  return tensor(*device_, type, shape);
}

Result<std::byte*> PinnedTensor::reserve(const OrtApi& api, const NvidiaMemory& memory, DataType type,
                                         const Shape& shape) {
  if (value_ && view_.shape == shape && view_.type == type) return view_.data;
  value_.reset();
  auto value = memory.pinned_tensor(type, shape);
  if (!value.ok()) return value.status();
  const auto data = data_of(api, **value);
  if (!data.ok()) return data.status();
  value_ = std::move(*value);
  view_ = {type, shape, static_cast<std::byte*>(*data), shape.element_count().value_or(0) * element_size(type)};
  return view_.data;
}

Status CudaGraphRun::check(const ModelSignature& signature) {
  for (const auto* specs : {&signature.inputs, &signature.outputs}) {
    for (const auto& spec : *specs) {
      if (spec.type != DataType::kString && spec.shape.is_static()) continue;
      return invalid_argument(
          fmt::format("plugin_config enable_cuda_graph and trt_cuda_graph_enable need fixed shapes and no strings, but "
                      "{} is {} {}; fix its shape with --shape or --batch_size",
                      spec.name, kserve_name(spec.type), spec.shape.to_string()));
    }
  }
  return {};
}

Status CudaGraphRun::add_slot(const TensorSpec& spec, std::vector<Slot>& slots) {
  const Shape shape = fixed_shape(spec);
  Slot slot;
  if (auto host = slot.pinned.reserve(api_, memory_, spec.type, shape); !host.ok()) return host.status();
  auto on_card = memory_.card_tensor(spec.type, shape);
  if (!on_card.ok()) return on_card.status();
  const auto data = data_of(api_, **on_card);
  if (!data.ok()) return data.status();
  slot.on_card = std::move(*on_card);
  slot.card_data = *data;
  slots.push_back(std::move(slot));
  return {};
}

Result<std::unique_ptr<CudaGraphRun>> CudaGraphRun::create(const OrtApi& api, OrtSession& session, NvidiaMemory& memory,
                                                           const ModelSignature& signature, OrtRunOptions& options) {
  std::unique_ptr<CudaGraphRun> run(new CudaGraphRun(api, memory));
  auto binding = make_owner<OrtIoBinding>(api, StatusCode::kInternal,
                                          [&](auto** out) { return api.CreateIoBinding(&session, out); });
  if (!binding.ok()) return binding.status();
  run->binding_ = std::move(*binding);
  const auto number = std::to_string(next_graph_number());
  auto status = check_ort(api, api.AddRunConfigEntry(&options, kGraphNumber, number.c_str()));
  for (std::size_t i = 0; status.ok() && i < signature.inputs.size(); ++i) {
    const auto& spec = signature.inputs[i];
    status = run->add_slot(spec, run->inputs_);
    if (status.ok())
      status = check_ort(api, api.BindInput(run->binding_.get(), spec.name.c_str(), run->inputs_.back().on_card.get()));
  }
  for (std::size_t i = 0; status.ok() && i < signature.outputs.size(); ++i) {
    const auto& spec = signature.outputs[i];
    status = run->add_slot(spec, run->outputs_);
    if (status.ok())
      status =
          check_ort(api, api.BindOutput(run->binding_.get(), spec.name.c_str(), run->outputs_.back().on_card.get()));
  }
  if (!status.ok()) return status;
  return run;
}

Status CudaGraphRun::run(OrtSession& session, const OrtRunOptions& options, const std::vector<TensorView>& inputs) {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const auto& pinned = inputs_[i].pinned.view();
    std::memcpy(pinned.data, inputs[i].data, pinned.bytes);
    if (auto status = memory_.copy().to_card(inputs_[i].card_data, pinned.data, pinned.bytes); !status.ok())
      return status;
  }
  if (auto status = check_ort(api_, api_.RunWithBinding(&session, &options, binding_.get())); !status.ok())
    return status;
  for (auto& slot : outputs_) {
    const auto& pinned = slot.pinned.view();
    if (auto status = memory_.copy().to_host(pinned.data, slot.card_data, pinned.bytes); !status.ok()) return status;
  }
  return {};
}

}  // namespace ocelli::onnxruntime
