// CompiledModel: a model made ready on a device.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/status.hpp"
#include "runtime/compile_options.hpp"
#include "runtime/infer_request.hpp"
#include "runtime/model_signature.hpp"

namespace ocelli {

// Immutable and thread-safe, but for create_request(). Its requests must be destroyed before it; it must be destroyed
// before its Runtime. Destroying it gives its memory back.
class CompiledModel {
 public:
  virtual ~CompiledModel() = default;
  // As clients see it: after preprocessing, reshaping and layout changes.
  [[nodiscard]] virtual const ModelSignature& signature() const noexcept = 0;
  [[nodiscard]] virtual const ExecutionInfo& info() const noexcept = 0;
  // True when the model keeps variables between runs.
  [[nodiscard]] virtual bool stateful() const noexcept { return false; }
  // True when it is known that the shapes of all outputs depend on the shapes of the inputs alone, not on what is in
  // them. Requests of a model of which that is not known never share a run, because nobody could tell whose rows are
  // whose. The default is what is right where nobody can tell.
  [[nodiscard]] virtual bool shapes_follow_inputs() const noexcept { return false; }
  // What the file says about itself, as flat "section/key" names (OpenVINO's rt_info, ONNX's metadata_props); empty
  // when it says nothing.
  [[nodiscard]] virtual std::map<std::string, std::string> model_info() const { return {}; }
  // Not while a request of this model runs: OpenVINO reads the very graph that a run of a dynamic model changes.
  // Several threads may create requests at once.
  virtual Result<std::unique_ptr<InferRequest>> create_request() = 0;
};

}  // namespace ocelli
