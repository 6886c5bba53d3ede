// AdaptiveServable: a model with batch_size or shape "auto", compiled anew for whatever extents requests bring.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/thread_pool.hpp"
#include "repository/servable_factory.hpp"
#include "serving/servable.hpp"
#include "serving/serving_context.hpp"

namespace ocelli::server {

// Thread-safe. A request whose extents were seen lately is answered by the model that was compiled for them (the last
// kGenerations are kept); another one waits while the model is compiled, on a thread of its own. When that fails the
// request gets kFailedPrecondition "Model could not be reshaped with requested shape", and the others are untouched.
// metadata() is that of the model as it was loaded.
class AdaptiveServable final : public serving::Servable {
 public:
  // Compiled forms that are kept; each holds the model's weights.
  static constexpr std::size_t kGenerations = 3;

  // Makes a servable of a load whose extents are all given; blocks.
  using Loader = std::function<Result<std::shared_ptr<serving::Servable>>(const repository::ModelLoad& load)>;

  // load.config.automatic() must hold. Loads the model as it is in its file. max_waiting: requests that may wait for
  // compilations; more get kResourceExhausted. Errors: those of loader; kInvalidArgument when the batch is auto and an
  // input is a scalar.
  static Result<std::shared_ptr<serving::Servable>> create(repository::ModelLoad load, Loader loader,
                                                           std::size_t max_waiting, serving::ServingContext& context);
  // Fails what waits. Calls under way have their own hold on their model.
  ~AdaptiveServable() override;

  [[nodiscard]] const serving::ServableMetadata& metadata() const noexcept override { return first_->metadata(); }
  [[nodiscard]] observability::ServableMetrics& metrics() noexcept override { return first_->metrics(); }
  void infer(serving::InferenceCall& call) noexcept override;
  void cancel(serving::InferenceCall& call) noexcept override;

 private:
  // Extents by the model's own input name; for an automatic batch one entry with the name "" and the shape (N).
  using Extents = std::map<std::string, Shape>;
  struct Generation {
    Extents extents;
    std::shared_ptr<serving::Servable> servable;
  };
  struct Waiting {
    Extents extents;
    serving::InferenceCall* call;
  };
  class Ticket;

  AdaptiveServable(repository::ModelLoad load, Loader loader, std::size_t max_waiting,
                   std::shared_ptr<serving::Servable> first);
  Status find_automatic_inputs();

  // With the lock held.
  [[nodiscard]] std::optional<Extents> wanted_by(const serving::InferenceCall& call) const;
  [[nodiscard]] std::shared_ptr<serving::Servable> compiled_for(const Extents& extents);
  void keep(Generation generation);
  Ticket& open_ticket(serving::InferenceCall& call, std::shared_ptr<serving::Servable> inner);

  // Without the lock.
  void forward(serving::InferenceCall& call, const std::shared_ptr<serving::Servable>& inner,
               std::uint64_t serial) noexcept;
  void compile_waiting() noexcept;
  [[nodiscard]] repository::ModelLoad load_for(const Extents& extents) const;
  void answer(std::vector<Waiting> calls, const Result<std::shared_ptr<serving::Servable>>& made) noexcept;

  const repository::ModelLoad load_;
  const Loader loader_;
  const std::size_t max_waiting_;
  const std::shared_ptr<serving::Servable> first_;
  bool batch_ = false;                          // batch_size is auto
  std::map<std::string, std::string, std::less<>> by_name_;  // automatic inputs: clients' name -> the model's own

  std::mutex mutex_;
  std::condition_variable entered_;    // a ticket's call is inside its servable
  std::list<Generation> generations_;  // the one used last is first
  std::deque<Waiting> waiting_;
  std::map<serving::InferenceCall*, std::unique_ptr<Ticket>> tickets_;
  bool compiling_ = false;
  std::uint64_t tickets_made_ = 0;
  ThreadPool compiler_;  // last: joined before anything else goes
};

}  // namespace ocelli::server
