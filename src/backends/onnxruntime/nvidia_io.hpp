// NvidiaMemory, PinnedTensors, CudaGraphRun: how tensors get to an NVIDIA card and back.
#pragma once

#include <memory>
#include <vector>

#include "backends/onnxruntime/nvidia_driver.hpp"
#include "backends/onnxruntime/ort_api.hpp"
#include "backends/onnxruntime/shrink_policy.hpp"
#include "runtime/model_signature.hpp"
#include "tensor/tensor_view.hpp"

namespace ocelli::onnxruntime {

// The memory of one session's card: pinned host memory, which the card copies from and to by itself and twice as fast
// as pageable memory, and the card's own. Thread-safe. Must go before its session.
class NvidiaMemory {
 public:
  // Errors: kFailedPrecondition when the session has no such allocators or libcudart is not there.
  static Result<std::unique_ptr<NvidiaMemory>> create(const OrtApi& api, const OrtSession& session, std::uint32_t card,
                                                      const NvidiaSettings& settings, bool open_dimensions);

  // A tensor of the given type and shape in pinned or in the card's memory. Errors: kResourceExhausted.
  Result<OrtOwner<OrtValue>> pinned_tensor(DataType type, const Shape& shape) const;
  Result<OrtOwner<OrtValue>> card_tensor(DataType type, const Shape& shape) const;

  [[nodiscard]] const CudaCopy& copy() const noexcept { return copy_; }
  [[nodiscard]] bool uses_cuda_graph() const noexcept { return cuda_graph_; }
  [[nodiscard]] std::uint32_t card() const noexcept { return card_; }
  [[nodiscard]] ShrinkPolicy& shrinking() noexcept { return shrinking_; }

 private:
  NvidiaMemory(const OrtApi& api, std::uint32_t card, const CudaCopy& copy, const NvidiaSettings& settings,
               bool open_dimensions)
      : api_(api),
        card_(card),
        copy_(copy),
        cuda_graph_(settings.cuda_graph),
        shrinking_(cuda_graph_ ? ArenaShrinkage::kNo : settings.shrinkage, open_dimensions, UsualSize::kCardFactor) {}
  Result<OrtOwner<OrtValue>> tensor(OrtAllocator& allocator, DataType type, const Shape& shape) const;

  const OrtApi& api_;
  std::uint32_t card_;
  CudaCopy copy_;
  bool cuda_graph_;
  ShrinkPolicy shrinking_;
  OrtOwner<OrtAllocator> pinned_;
  OrtOwner<OrtAllocator> device_;
};

// One request's tensor in pinned memory; made anew when the shape changes, kept otherwise.
class PinnedTensor {
 public:
  // Where the bytes of a tensor of this type and shape are to lie.
  Result<std::byte*> reserve(const OrtApi& api, const NvidiaMemory& memory, DataType type, const Shape& shape);
  [[nodiscard]] OrtValue* value() const noexcept { return value_.get(); }
  [[nodiscard]] const TensorView& view() const noexcept { return view_; }

 private:
  OrtOwner<OrtValue> value_;
  TensorView view_;
};

// One request's run by a recorded CUDA graph. A replay reads and writes the card's memory where the recording did, so
// inputs and outputs have their fixed places there, and a number of its own tells ONNX Runtime which recording it is.
class CudaGraphRun {
 public:
  // The signature's shapes are all fixed and none is of strings. Errors: kInvalidArgument naming the tensor otherwise.
  static Status check(const ModelSignature& signature);
  static Result<std::unique_ptr<CudaGraphRun>> create(const OrtApi& api, OrtSession& session, NvidiaMemory& memory,
                                                      const ModelSignature& signature, OrtRunOptions& options);

  // Copies inputs to the card, replays (the first time: records), copies outputs to pinned memory.
  Status run(OrtSession& session, const OrtRunOptions& options, const std::vector<TensorView>& inputs);
  [[nodiscard]] const TensorView& output(std::size_t index) const noexcept { return outputs_[index].pinned.view(); }

 private:
  struct Slot {
    PinnedTensor pinned;
    OrtOwner<OrtValue> on_card;
    void* card_data = nullptr;
  };
  CudaGraphRun(const OrtApi& api, NvidiaMemory& memory) : api_(api), memory_(memory) {}
  Status add_slot(const TensorSpec& spec, std::vector<Slot>& slots);

  const OrtApi& api_;
  NvidiaMemory& memory_;
  std::vector<Slot> inputs_;
  std::vector<Slot> outputs_;
  OrtOwner<OrtIoBinding> binding_;  // goes before the tensors that it names
};

}  // namespace ocelli::onnxruntime
