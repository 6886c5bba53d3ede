#include "backends/openvino_c/worker/request_slot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "backends/openvino_c/protocol/device_lost.hpp"

namespace ocelli::openvino_c {
namespace {

Status cancelled_status() { return {StatusCode::kCancelled, "the run was cancelled"}; }

std::uint64_t bytes_of(const TensorSpec& spec, const Shape& shape) {
  return shape.element_count().value_or(0) * element_size(spec.type);
}

}  // namespace

RequestSlot::RequestSlot(const SlotModel& model, COwner<c::InferRequest> request, SharedArena arena, Done done)
    : model_(model),
      done_(std::move(done)),
      request_(std::move(request)),
      arena_(std::move(arena)),
      inputs_(model.signature.inputs.size()),
      outputs_(model.signature.outputs.size()),
      thread_([this] { serve(); }) {}

RequestSlot::~RequestSlot() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    if (started_) (void)model_.api.ov_infer_request_cancel(request_.get());
  }
  changed_.notify_all();
  thread_.join();
}

bool RequestSlot::is_in_place(const TensorSpec& output) const {
  const auto is_output = [&](const TensorSpec& input) { return input.name == output.name; };
  return output.shape.is_static() && std::ranges::none_of(model_.signature.inputs, is_output);
}

Status RequestSlot::start(const StartRun& run) {
  {
    const std::lock_guard lock(mutex_);
    if (running_) return internal_error("the request runs already");
    current_ = run;
    running_ = true;
    cancelled_ = false;
  }
  changed_.notify_all();
  return {};
}

void RequestSlot::cancel(std::uint64_t run) {
  const std::lock_guard lock(mutex_);
  if (!running_ || current_.run != run) return;
  cancelled_ = true;
  if (started_) (void)model_.api.ov_infer_request_cancel(request_.get());
}

void RequestSlot::serve() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return closing_ || running_; });
    if (closing_) return;
    result_.request = current_.request;
    result_.run = current_.run;
    lock.unlock();
    result_.status = carry_out();
    if (!result_.status.ok()) result_.outputs.clear();
    lock.lock();
    // The next start may come as soon as this run is told to be over.
    running_ = false;
    lock.unlock();
    done_(result_);
    lock.lock();
  }
}

Status RequestSlot::carry_out() {
  if (auto status = check_places(); !status.ok()) return status;
  if (auto status = make_room(); !status.ok()) return status;
  if (auto status = bind_inputs(); !status.ok()) return status;
  if (auto status = bind_outputs(); !status.ok()) return status;
  if (auto status = run_to_end(); !status.ok()) return status;
  return collect_outputs();
}

// The server says where its tensors lie; nothing outside its memory is touched.
Status RequestSlot::check_places() const {
  if (current_.inputs.size() != inputs_.size()) return internal_error("a run has another number of inputs");
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const auto& place = current_.inputs[i];
    const auto& spec = model_.signature.inputs[i];
    if (!place.shape.element_count() || place.bytes != bytes_of(spec, place.shape) ||
        place.offset % SharedArena::kAlignment != 0 || place.offset > SharedArena::kMaxBytes ||
        place.bytes > SharedArena::kMaxBytes)
      return internal_error(fmt::format("input {} does not lie where it should", spec.name));
  }
  if (current_.outputs_at > SharedArena::kMaxBytes) return internal_error("outputs do not lie where they should");
  return {};
}

Result<c::Tensor*> RequestSlot::bound(Bound& kept, DataType type, const Shape& shape, void* data, bool& is_new) {
  is_new = !kept.tensor || kept.data != data || !(kept.shape == shape);
  if (!is_new) return kept.tensor.get();
  kept.shape = shape;
  kept.data = data;
  std::array<std::int64_t, Shape::kMaxRank> dims{};
  std::copy(shape.begin(), shape.end(), dims.begin());
  const c::Shape extents{static_cast<std::int64_t>(shape.rank()), dims.data()};
  auto tensor = make_owner<c::Tensor>(model_.api, StatusCode::kInternal, [&](auto** out) {
    return model_.api.ov_tensor_create_from_host_ptr(model_.types.theirs(type), extents, data, out);
  });
  if (!tensor.ok()) return tensor.status();
  kept.tensor = std::move(*tensor);
  return kept.tensor.get();
}

// Outputs of known shape lie one after the other from outputs_at on. All memory is mapped before anything is bound in
// it, because mapping more moves what is there.
Status RequestSlot::make_room() {
  std::uint64_t end = SharedArena::kAlignment;
  for (const auto& place : current_.inputs) end = std::max(end, place.offset + place.bytes);
  if (auto status = arena_.follow(end); !status.ok()) return status;
  result_.outputs.resize(outputs_.size());
  std::uint64_t next = SharedArena::aligned(current_.outputs_at);
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const auto& spec = model_.signature.outputs[i];
    auto& place = result_.outputs[i];
    place = {};
    if (!is_in_place(spec)) continue;
    for (const auto& dim : spec.shape.dims) place.shape.push_back(dim.min);
    place.offset = next;
    place.bytes = bytes_of(spec, place.shape);
    next = SharedArena::aligned(next + place.bytes);
  }
  return arena_.reserve(next + SharedArena::kAlignment);
}

Status RequestSlot::bind_inputs() {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const auto& place = current_.inputs[i];
    bool is_new = false;
    auto tensor = bound(inputs_[i], model_.signature.inputs[i].type, place.shape, arena_.data() + place.offset, is_new);
    if (!tensor.ok()) return tensor.status();
    if (!is_new) continue;
    const int code = model_.api.ov_infer_request_set_input_tensor_by_index(request_.get(), i, *tensor);
    if (auto status = model_.api.check(code, StatusCode::kInvalidArgument); !status.ok()) {
      inputs_[i].tensor.reset();
      return status;
    }
  }
  return {};
}

Status RequestSlot::bind_outputs() {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const auto& spec = model_.signature.outputs[i];
    if (!is_in_place(spec)) continue;
    bool is_new = false;
    const auto& place = result_.outputs[i];
    auto tensor = bound(outputs_[i], spec.type, place.shape, arena_.data() + place.offset, is_new);
    if (!tensor.ok()) return tensor.status();
    if (!is_new) continue;
    const int code = model_.api.ov_infer_request_set_output_tensor_by_index(request_.get(), i, *tensor);
    if (auto status = model_.api.check(code, StatusCode::kInternal); !status.ok()) {
      outputs_[i].tensor.reset();
      return status;
    }
  }
  return {};
}

Status RequestSlot::run_to_end() {
  {
    const std::lock_guard lock(mutex_);
    if (cancelled_) return cancelled_status();
    const int code = model_.api.ov_infer_request_start_async(request_.get());
    if (auto status = model_.api.check(code, StatusCode::kInternal); !status.ok()) {
      if (!model_.failure_is_loss) return status;
      return device_lost(status.message());
    }
    started_ = true;
  }
  Status status = model_.api.check(model_.api.ov_infer_request_wait(request_.get()), StatusCode::kInternal);
  const std::lock_guard lock(mutex_);
  started_ = false;
  if (status.ok()) return status;
  if (cancelled_) return cancelled_status();
  if (model_.failure_is_loss && status.code() == StatusCode::kInternal) return device_lost(status.message());
  return status;
}

Status RequestSlot::collect_outputs() {
  std::uint64_t next = SharedArena::aligned(current_.outputs_at);
  for (const auto& place : result_.outputs) next = std::max(next, SharedArena::aligned(place.offset + place.bytes));
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (is_in_place(model_.signature.outputs[i])) continue;
    if (auto status = collect(i, result_.outputs[i], next); !status.ok()) return status;
  }
  return {};
}

Status RequestSlot::collect(std::size_t index, TensorPlace& place, std::uint64_t& next) {
  const CApi& api = model_.api;
  auto tensor = make_owner<c::Tensor>(api, StatusCode::kInternal, [&](auto** out) {
    return api.ov_infer_request_get_output_tensor_by_index(request_.get(), index, out);
  });
  if (!tensor.ok()) return tensor.status();
  c::Shape shape{};
  if (auto status = api.check(api.ov_tensor_get_shape(tensor->get(), &shape), StatusCode::kInternal); !status.ok())
    return status;
  const bool fits = shape.rank >= 0 && shape.rank <= static_cast<std::int64_t>(Shape::kMaxRank);
  for (std::int64_t i = 0; fits && i < shape.rank; ++i) place.shape.push_back(shape.dims[i]);
  (void)api.ov_shape_free(&shape);
  if (!fits) return internal_error(fmt::format("an output has more than {} dimensions", Shape::kMaxRank));
  place.bytes = bytes_of(model_.signature.outputs[index], place.shape);
  place.offset = next;
  if (place.bytes == 0) return {};
  std::size_t bytes = 0;
  void* data = nullptr;
  if (auto status = api.check(api.ov_tensor_get_byte_size(tensor->get(), &bytes), StatusCode::kInternal); !status.ok())
    return status;
  if (auto status = api.check(api.ov_tensor_data(tensor->get(), &data), StatusCode::kInternal); !status.ok())
    return status;
  if (bytes != place.bytes) return internal_error("an output's size does not follow from its shape");
  next = SharedArena::aligned(next + bytes);
  if (auto status = arena_.reserve(next); !status.ok()) return status;
  std::memcpy(arena_.data() + place.offset, data, bytes);
  return {};
}

}  // namespace ocelli::openvino_c
