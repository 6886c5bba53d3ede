#include "server/adaptive_servable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "repository/name_mapping.hpp"

namespace ocelli::server {
namespace {

constexpr const char* kCannotReshape = "Model could not be reshaped with requested shape";

void complete(serving::InferenceCall& call, Status status) noexcept {
  call.status = std::move(status);
  call.completion->on_call_done(call);
}

// The name that clients use for an input.
std::string client_name(const repository::NameMapping& mapping, const std::string& own) {
  const auto alias = mapping.inputs.find(own);
  return alias == mapping.inputs.end() ? own : alias->second;
}

const TensorSpec* spec_of(const serving::ServableMetadata& metadata, std::string_view name) {
  const auto found = std::find_if(metadata.inputs.begin(), metadata.inputs.end(),
                                  [&](const TensorSpec& spec) { return spec.name == name; });
  return found == metadata.inputs.end() ? nullptr : &*found;
}

}  // namespace

// Stands between the call and its protocol, and keeps the model that runs it alive.
class AdaptiveServable::Ticket final : public serving::CallCompletion {
 public:
  Ticket(AdaptiveServable& owner, serving::InferenceCall& call, std::shared_ptr<serving::Servable> servable,
         std::uint64_t number)
      : inner(std::move(servable)), serial(number), owner_(owner), completion_(std::exchange(call.completion, this)) {}

  void on_call_done(serving::InferenceCall& call) noexcept override {
    auto* const completion = completion_;
    std::unique_ptr<Ticket> self;
    {
      const std::lock_guard lock(owner_.mutex_);
      const auto found = owner_.tickets_.find(&call);
      self = std::move(found->second);
      owner_.tickets_.erase(found);
      owner_.entered_.notify_all();
    }
    call.completion = completion;
    completion->on_call_done(call);
  }

  const std::shared_ptr<serving::Servable> inner;
  // Tells tickets apart: the addresses of both call and ticket may be used again.
  const std::uint64_t serial;
  // True until infer() of the inner servable has returned; guarded by the owner's lock.
  bool entering = true;

 private:
  AdaptiveServable& owner_;
  serving::CallCompletion* const completion_;
};

AdaptiveServable::AdaptiveServable(repository::ModelLoad load, Loader loader, std::size_t max_waiting,
                                   std::shared_ptr<serving::Servable> first)
    : load_(std::move(load)),
      loader_(std::move(loader)),
      max_waiting_(max_waiting),
      first_(std::move(first)),
      compiler_("ocelli-reshape", 1, 1) {}

AdaptiveServable::~AdaptiveServable() {
  std::deque<Waiting> left;
  {
    const std::lock_guard lock(mutex_);
    left.swap(waiting_);
  }
  for (const auto& waiting : left) complete(*waiting.call, unavailable("The model is being unloaded"));
}

Result<std::shared_ptr<serving::Servable>> AdaptiveServable::create(repository::ModelLoad load, Loader loader,
                                                                    std::size_t max_waiting,
                                                                    serving::ServingContext& context) {
  auto first = loader(load);
  if (!first.ok()) return first.status();
  std::unique_ptr<AdaptiveServable> made(
      new AdaptiveServable(std::move(load), std::move(loader), max_waiting, std::move(*first)));
  if (auto status = made->find_automatic_inputs(); !status.ok()) return status;
  // The last handle may go on a runtime's own thread, which must not wait for a compilation.
  return std::shared_ptr<serving::Servable>(made.release(), [&context](serving::Servable* servable) {
    if (!context.cleanup.submit([servable] { delete servable; })) delete servable;
  });
}

Status AdaptiveServable::find_automatic_inputs() {
  const auto& metadata = first_->metadata();
  batch_ = load_.config.shapes.empty();
  Extents extents;
  if (batch_) {
    for (const auto& input : metadata.inputs) {
      if (input.shape.dims.empty())
        return invalid_argument(fmt::format("batch_size auto: input {} is a scalar", input.name));
    }
    if (!metadata.inputs.empty()) {
      const auto& first = metadata.inputs.front();
      if (const auto axis = batch_axis(first)) extents[""] = Shape{first.shape.dims[*axis].extent_or_dynamic()};
    }
  } else {
    auto shapes = repository::shapes_by_tensor(load_.config, load_.mapping);
    if (!shapes.ok()) return shapes.status();
    for (const auto& [own, shape] : *shapes) {
      if (!shape.automatic) continue;
      // "" stands for the only input; its own name is then not known, but not needed either.
      const auto name =
          own.empty() && !metadata.inputs.empty() ? metadata.inputs.front().name : client_name(load_.mapping, own);
      by_name_[name] = own;
      if (const auto* spec = spec_of(metadata, name)) {
        if (const auto fixed = spec->shape.static_shape()) extents[own] = *fixed;
      }
    }
  }
  generations_.push_front({std::move(extents), first_});
  return {};
}

std::optional<AdaptiveServable::Extents> AdaptiveServable::wanted_by(const serving::InferenceCall& call) const {
  const auto& metadata = first_->metadata();
  Extents extents;
  for (const auto& input : call.inputs) {
    const auto* spec = spec_of(metadata, input.name);
    const auto& shape = input.tensor.view.shape;
    if (spec == nullptr) return std::nullopt;
    if (batch_) {
      const auto axis = batch_axis(*spec);
      if (!axis || *axis >= shape.rank()) return std::nullopt;
      extents[""] = Shape{shape[*axis]};
      return extents;  // the others are checked against it
    }
    const auto automatic = by_name_.find(input.name);
    if (automatic == by_name_.end()) continue;
    // Another rank cannot be reshaped to, and encoded pictures have no shape before they are decoded.
    if (shape.rank() != spec->shape.dims.size() || input.tensor.view.type != spec->type) return std::nullopt;
    extents[automatic->second] = shape;
  }
  return extents.size() == (batch_ ? 1 : by_name_.size()) ? std::optional(std::move(extents)) : std::nullopt;
}

std::shared_ptr<serving::Servable> AdaptiveServable::compiled_for(const Extents& extents) {
  const auto found = std::find_if(generations_.begin(), generations_.end(),
                                  [&](const Generation& generation) { return generation.extents == extents; });
  if (found == generations_.end()) return nullptr;
  generations_.splice(generations_.begin(), generations_, found);
  return found->servable;
}

void AdaptiveServable::keep(Generation generation) {
  generations_.push_front(std::move(generation));
  if (generations_.size() > kGenerations) generations_.pop_back();
}

AdaptiveServable::Ticket& AdaptiveServable::open_ticket(serving::InferenceCall& call,
                                                        std::shared_ptr<serving::Servable> inner) {
  auto ticket = std::make_unique<Ticket>(*this, call, std::move(inner), ++tickets_made_);
  return *(tickets_[&call] = std::move(ticket));
}

void AdaptiveServable::infer(serving::InferenceCall& call) noexcept {
  std::shared_ptr<serving::Servable> inner;
  std::uint64_t serial = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto extents = wanted_by(call);
    // A request that is wrong anyway is told so by the model that was used last.
    inner = extents ? compiled_for(*extents) : generations_.front().servable;
    if (inner) {
      serial = open_ticket(call, inner).serial;
    } else if (waiting_.size() < max_waiting_) {
      waiting_.push_back({*extents, &call});
      if (!std::exchange(compiling_, true) && !compiler_.submit([this] { compile_waiting(); })) compiling_ = false;
      return;
    }
  }
  if (inner) {
    forward(call, inner, serial);
  } else {
    complete(call, {StatusCode::kResourceExhausted, "Too many requests wait for the model to be reshaped"});
  }
}

void AdaptiveServable::forward(serving::InferenceCall& call, const std::shared_ptr<serving::Servable>& inner,
                               std::uint64_t serial) noexcept {
  const auto self =
      call.servable;  // the call, and with it the last hold on this object, may be gone when infer() returns
  inner->infer(call);
  const std::lock_guard lock(mutex_);
  const auto found = tickets_.find(&call);
  if (found == tickets_.end() || found->second->serial != serial) return;
  found->second->entering = false;
  entered_.notify_all();
}

void AdaptiveServable::cancel(serving::InferenceCall& call) noexcept {
  std::shared_ptr<serving::Servable> inner;
  {
    std::unique_lock lock(mutex_);
    const auto waiting =
        std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& other) { return other.call == &call; });
    if (waiting != waiting_.end()) {
      waiting_.erase(waiting);
    } else {
      // A call may only be cancelled when it is wholly inside its servable; infer() does not block, so this is short.
      auto found = tickets_.end();
      entered_.wait(lock, [&] { return (found = tickets_.find(&call)) == tickets_.end() || !found->second->entering; });
      if (found == tickets_.end()) return;
      inner = found->second->inner;
    }
  }
  if (inner) {
    inner->cancel(call);
  } else {
    complete(call, {StatusCode::kCancelled, "Request was cancelled"});
  }
}

repository::ModelLoad AdaptiveServable::load_for(const Extents& extents) const {
  auto load = load_;
  for (const auto& [name, shape] : extents) {
    if (batch_) {
      load.options.batch = Dimension::fixed(shape[0]);
    } else {
      load.options.shapes[name] = PartialShape::from(shape);
    }
  }
  return load;
}

void AdaptiveServable::compile_waiting() noexcept {
  while (true) {
    Extents extents;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty()) {
        compiling_ = false;
        return;
      }
      extents = waiting_.front().extents;
    }
    auto made = loader_(load_for(extents));
    std::vector<Waiting> calls;
    {
      const std::lock_guard lock(mutex_);
      if (made.ok()) keep({extents, *made});
      const auto others = std::stable_partition(waiting_.begin(), waiting_.end(),
                                                [&](const Waiting& one) { return one.extents != extents; });
      calls.assign(others, waiting_.end());
      waiting_.erase(others, waiting_.end());
      if (made.ok()) {
        for (const auto& waiting : calls) open_ticket(*waiting.call, *made);
      }
    }
    answer(std::move(calls), made);
  }
}

void AdaptiveServable::answer(std::vector<Waiting> calls,
                              const Result<std::shared_ptr<serving::Servable>>& made) noexcept {
  for (const auto& waiting : calls) {
    if (!made.ok()) {
      complete(*waiting.call, failed_precondition(fmt::format("{} - {}", kCannotReshape, made.status().message())));
      continue;
    }
    std::uint64_t serial = 0;
    {
      const std::lock_guard lock(mutex_);
      serial = tickets_.at(waiting.call)->serial;
    }
    forward(*waiting.call, *made, serial);
  }
}

}  // namespace ocelli::server
