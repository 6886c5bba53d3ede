// ShapeCheck: whether shapes go through a model, found without running it.
#pragma once

#include <memory>
#include <mutex>
#include <openvino/core/model.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/status.hpp"
#include "tensor/shape.hpp"

namespace ocelli::openvino {

// For models with open dimensions, whose extents may turn out not to go together in the middle of a run. OpenVINO's CPU
// (seen with 2026.4, and the same for a run that is cancelled) then leaves the operators before that place with outputs
// of the failed run's shape, and a later request of the shape that ran before it is answered with the failed one's
// extent: rows of somebody else, or an error for ever. So such shapes must not reach the device. Thread-safe.
class ShapeCheck {
 public:
  // model: without weights; nobody else has it.
  explicit ShapeCheck(std::shared_ptr<ov::Model> model) : model_(std::move(model)) {}
  // A copy of the model in which large constants are mere shapes, so that it takes little memory. Null when it cannot
  // be looked at in this way.
  static std::shared_ptr<ShapeCheck> create(const std::shared_ptr<const ov::Model>& model) noexcept;
  // As text, for the cache, and back. Empty, and null, when that fails.
  [[nodiscard]] std::string to_text() const noexcept;
  static std::shared_ptr<ShapeCheck> from_text(const std::string& text) noexcept;

  // shapes: of all inputs, in the model's order. Shapes that were taken before cost a look-up, others a walk over the
  // model (milliseconds). kInvalidArgument says why they do not go together.
  Status check(const std::vector<Shape>& shapes);

 private:
  [[nodiscard]] std::string write() const;
  Status walk(const std::vector<Shape>& shapes);

  // Shapes that are remembered.
  static constexpr std::size_t kMaxTaken = 4096;

  std::mutex model_mutex_;  // held for a whole walk, for which nobody waits whose shapes are known
  const std::shared_ptr<ov::Model> model_;
  std::mutex taken_mutex_;
  std::set<std::vector<std::int64_t>> taken_;
};

}  // namespace ocelli::openvino
