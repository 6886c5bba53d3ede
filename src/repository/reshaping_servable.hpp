// ReshapingServable: a model whose batch_size or shape is "auto": it is compiled again when a request brings another
// shape.
#pragma once

#include <memory>

#include "base/log.hpp"
#include "repository/servable_factory.hpp"
#include "serving/servable.hpp"

namespace ocelli::repository {

// Thread-safe. Calls that fit the model as it is run at once. Others wait, at most kMaxWaiting of them, until the model
// has been compiled for them, one shape after the other on a thread of its own; then all that fit run. Those that wait
// may be cancelled, and end with kDeadlineExceeded at their deadline, while the compilation goes on. A shape that the
// model cannot take is told with kFailedPrecondition "Model could not be reshaped with requested shape - reason", and
// the model stays as it was. metadata() has the shape that the model was loaded with, current_metadata() the one that
// it has now.
class ReshapingServable final : public serving::Servable {
 public:
  static constexpr std::size_t kMaxWaiting = 1024;

  // first is the servable that the factory made for load.
  ReshapingServable(std::shared_ptr<ServableFactory> factory, ModelLoad load, std::shared_ptr<serving::Servable> first,
                    const Log& log);
  ~ReshapingServable() override;

  [[nodiscard]] const serving::ServableMetadata& metadata() const noexcept override;
  [[nodiscard]] serving::ServableMetadata current_metadata() const override;
  [[nodiscard]] observability::ServableMetrics& metrics() noexcept override;
  void infer(serving::InferenceCall& call) noexcept override;
  void cancel(serving::InferenceCall& call) noexcept override;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace ocelli::repository
