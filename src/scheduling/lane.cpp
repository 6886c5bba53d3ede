#include "scheduling/lane.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <new>

#include "scheduling/executor.hpp"

namespace ocelli::scheduling {
namespace {

Status out_of_memory() { return {StatusCode::kResourceExhausted, "Out of memory"}; }

// Bytes may be null when there are none.
void copy_bytes(std::byte* to, const std::byte* from, std::size_t bytes) noexcept {
  if (bytes) std::memcpy(to, from, bytes);
}

// Runtimes may ask that a tensor lies on its element's boundary; a place in a client's shared memory may be anywhere.
bool may_be_bound(const std::byte* data, DataType type) noexcept {
  return data && std::bit_cast<std::uintptr_t>(data) % std::max<std::size_t>(element_size(type), 1) == 0;
}

}  // namespace

Result<std::unique_ptr<Lane>> Lane::create(Executor& executor, const std::vector<CompiledVariant>& variants,
                                           LaneObserver& observer) {
  std::unique_ptr<Lane> lane(new Lane(executor, observer));
  for (const auto& compiled : variants) {
    auto request = compiled.model->create_request();
    if (!request.ok()) return std::move(request).status();
    lane->variants_.push_back(
        {&compiled, std::move(request).value(), std::vector<std::uint8_t>(compiled.outputs.size())});
  }
  const auto& signature = variants.front().model->signature();
  lane->gathered_.resize(signature.inputs.size());
  lane->output_buffers_.resize(signature.outputs.size());
  lane->results_.resize(signature.outputs.size());
  return lane;
}

std::uint32_t Lane::items() const noexcept {
  std::uint32_t sum = 0;
  for (const auto* item = batch_.front(); item; item = WorkList::next(*item)) sum += item->work.items;
  return sum;
}

void Lane::choose_variant() noexcept {
  // One request always belongs to the first form: where that has a fixed batch, the request holds exactly that many
  // items.
  active_ = &variants_.front();
  if (batch_.size() == 1 || active_->compiled->items == 0) return;
  const auto total = items();
  for (auto& variant : variants_) {
    if (variant.compiled->items == total) active_ = &variant;
  }
}

void Lane::count_bytes() noexcept {
  input_bytes = 0;
  for (const auto* item = batch_.front(); item; item = WorkList::next(*item)) {
    for (const auto& input : item->work.inputs) input_bytes += input.bytes;
  }
}

Status Lane::prepare(BufferPool& pool) noexcept {
  try {
    const auto total = items();
    const auto& first = *batch_.front();
    for (std::size_t i = 0; i < gathered_.size(); ++i) {
      if (batch_.size() == 1) {
        if (auto status = active_->request->set_input(i, first.work.inputs[i]); !status.ok()) return status;
        continue;
      }
      auto input = gather(i, total, pool);
      if (!input.ok()) return std::move(input).status();
      if (auto status = active_->request->set_input(i, *input); !status.ok()) return status;
    }
    for (std::size_t i = 0; i < output_buffers_.size(); ++i) {
      if (auto status = bind_output(i, total, pool); !status.ok()) return status;
    }
    return first.work.hooks ? first.work.hooks->before_run(*active_->request) : Status();
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

Result<TensorView> Lane::gather(std::size_t index, std::uint32_t items, BufferPool& pool) {
  std::size_t bytes = 0;
  for (const auto* item = batch_.front(); item; item = WorkList::next(*item)) bytes += item->work.inputs[index].bytes;
  auto& buffer = gathered_[index];
  buffer = pool.get(bytes);
  auto* to = buffer->data();
  for (const auto* item = batch_.front(); item; item = WorkList::next(*item)) {
    const auto& input = item->work.inputs[index];
    copy_bytes(to, input.data, input.bytes);
    to += input.bytes;
  }
  TensorView view = batch_.front()->work.inputs[index];
  view.shape[0] = items;
  view.data = buffer->data();
  view.bytes = bytes;
  return view;
}

bool Lane::is_wanted(std::size_t index) const noexcept {
  for (const auto* item = batch_.front(); item; item = WorkList::next(*item)) {
    if (item->work.outputs[index].wanted) return true;
  }
  return false;
}

// All items of a batch have the same model, and so the same names.
std::string_view Lane::output_name(std::size_t index) const noexcept {
  const auto name = batch_.front()->work.outputs[index].name;
  return name.empty() ? active_->compiled->model->signature().outputs[index].name : name;
}

Status Lane::bind_output(std::size_t index, std::uint32_t items, BufferPool& pool) {
  const auto& plan = active_->compiled->outputs[index];
  const bool rows_known = batch_.front()->by_rows_ && !executor_.rows_differ.load(std::memory_order_relaxed);
  if (!plan.takes(items) || (plan.per_item && !rows_known) || !is_wanted(index)) {
    if (active_->bound[index]) active_->request->clear_output(index);
    active_->bound[index] = 0;
    return {};
  }
  TensorView view = plan.view(items);
  const auto& destination = batch_.front()->work.outputs[index].destination;
  if (batch_.size() == 1 && destination.bytes >= view.bytes && may_be_bound(destination.data, view.type)) {
    view.data = destination.data;
  } else {
    output_buffers_[index] = pool.get(view.bytes);
    view.data = output_buffers_[index]->data();
  }
  auto status = active_->request->set_output(index, view);
  // An earlier run's buffer may still be bound, and be gone before the next one.
  if (!status.ok()) active_->request->clear_output(index);
  active_->bound[index] = status.ok() ? 1 : 0;
  return status;
}

Status Lane::collect(BufferPool& pool) noexcept {
  try {
    const auto total = items();
    // All are looked at before anybody gets anything: with one output that cannot be divided, no other one's rows can
    // be trusted either.
    for (std::size_t i = 0; i < results_.size(); ++i) {
      if (auto status = check_rows(i, total); !status.ok()) return status;
    }
    for (std::size_t i = 0; i < results_.size(); ++i) {
      if (is_wanted(i)) hand_out_from(i, total, pool);
    }
    const auto& first = *batch_.front();
    return first.work.hooks ? first.work.hooks->after_run(*active_->request) : Status();
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

// Asks what the run really gave. Outputs that nobody wants are looked at too in a batch: they tell as much.
Status Lane::check_rows(std::size_t index, std::uint32_t items) {
  const bool together = batch_.size() > 1;
  if (!together && !is_wanted(index)) return {};
  auto result = active_->request->output(index);
  if (!result.ok()) return std::move(result).status();
  results_[index] = *result;
  const bool by_rows = result->shape.rank() > 0 && result->shape[0] == items && items > 0 && result->bytes % items == 0;
  const bool expected = together || (active_->compiled->outputs[index].per_item && batch_.front()->by_rows_);
  if (by_rows || !expected) return {};
  executor_.rows_differ.store(true, std::memory_order_relaxed);
  if (!together) return {};
  return internal_error(
      fmt::format("Output has other rows than the batch - Expected: {} items; Actual: shape {}; output name: {}", items,
                  result->shape.to_string(), output_name(index)));
}

void Lane::hand_out_from(std::size_t index, std::uint32_t items, BufferPool& pool) {
  const auto& result = results_[index];
  auto& buffer = output_buffers_[index];
  const auto& destination = batch_.front()->work.outputs[index].destination;
  const auto* place = buffer ? buffer->data() : destination.data;
  if (active_->bound[index] && result.data == place) return hand_out(index, result, buffer, items);
  if (batch_.size() == 1 && destination.data) return hand_out(index, result, {}, items);
  buffer = pool.get(result.bytes);
  copy_bytes(buffer->data(), result.data, result.bytes);
  TensorView whole = result;
  whole.data = buffer->data();
  hand_out(index, whole, buffer, items);
}

// Gives each item its slice of the whole output, by reference where it did not ask for a place of its own.
void Lane::hand_out(std::size_t index, const TensorView& whole, const BufferRef& owner, std::uint32_t items) {
  std::size_t offset = 0;
  const auto bytes_per_item = whole.bytes / std::max(items, 1U);
  for (auto* item = batch_.front(); item; item = WorkList::next(*item)) {
    auto& output = item->work.outputs[index];
    TensorView slice = whole;
    if (batch_.size() > 1) {
      slice.shape[0] = item->work.items;
      slice.bytes = bytes_per_item * item->work.items;
      slice.data = whole.data + offset;
      offset += slice.bytes;
    }
    if (!output.wanted) continue;
    BufferRef keep = owner;
    if (output.destination.data) {
      if (slice.bytes > output.destination.bytes) {
        item->status = invalid_argument(
            fmt::format("Output does not fit the place given for it - Expected: at least {} bytes; Actual: {} bytes; "
                        "output name: {}",
                        slice.bytes, output.destination.bytes, output_name(index)));
        continue;
      }
      if (slice.data != output.destination.data) copy_bytes(output.destination.data, slice.data, slice.bytes);
      slice.data = output.destination.data;
      keep.reset();
    }
    output.result.view = slice;
    output.result.owner = std::move(keep);
  }
}

bool Lane::start(Status& status) noexcept {
  std::optional<Status> early;
  auto self = std::this_thread::get_id();
  early_ = &early;
  starting_.fetch_add(1, std::memory_order_relaxed);
  starter_.store(self, std::memory_order_relaxed);
  active_->request->start(*this);
  starter_.compare_exchange_strong(self, std::thread::id(), std::memory_order_relaxed);  // unless it was started again
  starting_.fetch_sub(1, std::memory_order_release);
  if (early) status = std::move(*early);
  return early.has_value();
}

void Lane::on_infer_done(const Status& status) noexcept {
  if (starter_.load(std::memory_order_relaxed) == std::this_thread::get_id()) {
    *early_ = status;
  } else {
    observer_.on_lane_done(*this, status);
  }
}

void Lane::release() noexcept {
  for (auto& buffer : gathered_) buffer.reset();
  for (auto& buffer : output_buffers_) buffer.reset();
}

}  // namespace ocelli::scheduling
