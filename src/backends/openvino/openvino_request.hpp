// OpenvinoRequest: one ov::InferRequest behind InferRequest.
#pragma once

#include <array>
#include <openvino/runtime/infer_request.hpp>
#include <vector>

#include "backends/openvino/intermediate_memory.hpp"
#include "backends/openvino/model_facts.hpp"
#include "runtime/infer_request.hpp"

namespace ocelli::openvino {

// The facts, the list of narrow inputs and the intermediate memory must outlive the request.
class OpenvinoRequest final : public InferRequest {
 public:
  // narrow: see narrow_inputs(); values that do not fit are refused. Throws what OpenVINO throws.
  OpenvinoRequest(ov::InferRequest request, const ModelFacts& facts, const std::vector<bool>& narrow,
                  IntermediateMemory& intermediate);
  ~OpenvinoRequest() override;

  Status set_input(std::size_t index, const TensorView& view) override;
  Status set_output(std::size_t index, const TensorView& view) override;
  void clear_output(std::size_t index) noexcept override;
  void start(InferCompletion& completion) noexcept override;
  Status run() noexcept override;
  // No effect on a model without fixed shapes: what a run that is stopped in the middle leaves behind would come out of
  // later ones (see ShapeCheck).
  void cancel() noexcept override;
  Result<TensorView> output(std::size_t index) override;
  Status reset_state() override;
  Result<std::vector<Tensor>> save_state() override;
  Status restore_state(const std::vector<Tensor>& state) override;

 private:
  // ov::Tensor objects over callers' memory that came lately. Buffers come back from pools, so most bindings find
  // theirs here and nothing is allocated.
  class Binding {
   public:
    // The tensor over view's bytes, or null when it is bound already.
    const ov::Tensor* find(const TensorView& view);
    void forget() noexcept { current_ = nullptr; }

   private:
    struct Entry {
      void* data = nullptr;
      Shape shape;
      ov::Tensor tensor;
    };
    std::array<Entry, 4> entries_;
    std::size_t next_ = 0;
    const Entry* current_ = nullptr;
  };

  struct Input {
    Binding binding;
    std::size_t bytes = 0;
    ov::Tensor strings;  // for string inputs: the runtime's own form
  };
  struct Output {
    Binding binding;
    ov::Tensor own;   // the runtime's memory, to go back to
    TensorView view;  // of what is bound, or of own when its shape is static
    bool bound = false;
    bool is_static = false;
    std::vector<std::byte> packed;  // of string outputs
  };

  Status set_string_input(std::size_t index, const TensorView& view);
  Result<TensorView> pack_string_output(Output& output, const ov::Tensor& tensor);
  void give_back_memory() noexcept;
  // Of the inputs, together, before a run.
  Status check_shapes() noexcept;
  // A failed run as the caller sees it.
  Status run_status(const std::exception_ptr& exception) const noexcept;

  ov::InferRequest request_;
  const ModelFacts& facts_;
  const ModelSignature& signature_;
  const std::vector<bool>& narrow_;
  IntermediateMemory& intermediate_;
  std::vector<Input> inputs_;
  std::vector<Shape> input_shapes_;
  bool shapes_fit_ = false;  // these have been checked
  std::vector<Output> outputs_;
  InferCompletion* completion_ = nullptr;
  bool dynamic_ = false;
};

}  // namespace ocelli::openvino
