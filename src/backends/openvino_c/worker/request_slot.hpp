// RequestSlot: one infer request in the worker, with a thread that waits for its runs.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "backends/openvino_c/protocol/message.hpp"
#include "backends/openvino_c/protocol/shared_arena.hpp"
#include "backends/openvino_c/worker/c_owner.hpp"
#include "backends/openvino_c/worker/element_types.hpp"

namespace ocelli::openvino_c {

// What a slot shares with the others of its model.
struct SlotModel {
  const CApi& api;
  const ElementTypes& types;
  ModelSignature signature;
  // A failed run means that the device is gone.
  bool failure_is_loss = false;
};

// Inputs are read, and outputs of a known shape are written, where they lie in the shared memory; an output whose shape
// only the run tells is copied there. So is one that is an input itself: releases up to 2024 do not write it. start()
// and cancel() are called by one thread; done is called by the slot's own, once for each start().
class RequestSlot {
 public:
  using Done = std::function<void(const RunDone&)>;
  RequestSlot(const SlotModel& model, COwner<c::InferRequest> request, SharedArena arena, Done done);
  // Stops a run that is under way, and waits for it.
  ~RequestSlot();
  RequestSlot(const RequestSlot&) = delete;
  RequestSlot& operator=(const RequestSlot&) = delete;

  // kInternal while a run is under way.
  Status start(const StartRun& run);
  // Nothing happens when that run is over.
  void cancel(std::uint64_t run);

 private:
  // A tensor over shared memory, kept while place and shape stay.
  struct Bound {
    void* data = nullptr;
    Shape shape;
    COwner<c::Tensor> tensor;
  };

  void serve();
  [[nodiscard]] bool is_in_place(const TensorSpec& output) const;
  Status carry_out();
  Status check_places() const;
  Status make_room();
  Status bind_inputs();
  Status bind_outputs();
  Status run_to_end();
  Status collect_outputs();
  Status collect(std::size_t index, TensorPlace& place, std::uint64_t& next);
  Result<c::Tensor*> bound(Bound& kept, DataType type, const Shape& shape, void* data, bool& is_new);

  const SlotModel& model_;
  const Done done_;
  COwner<c::InferRequest> request_;
  SharedArena arena_;
  std::vector<Bound> inputs_;
  std::vector<Bound> outputs_;
  StartRun current_;
  RunDone result_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool running_ = false;    // from start() until done has been told
  bool started_ = false;    // the library runs it
  bool cancelled_ = false;  // of the current run
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace ocelli::openvino_c
