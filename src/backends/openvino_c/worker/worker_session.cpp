#include "backends/openvino_c/worker/worker_session.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>

namespace ocelli::openvino_c {
namespace {

constexpr std::size_t kMaxCompilations = 8;

}  // namespace

WorkerSession::~WorkerSession() {
  join_compilations(true);
  models_.clear();
}

template <typename Message>
void WorkerSession::send(const Message& message) {
  const std::lock_guard lock(send_mutex_);
  // When the server is gone, serve() sees the socket closed and ends.
  (void)socket_.send(writer_.write(message));
}

Status WorkerSession::load(const std::string& library) {
  auto api = CApi::open(library);
  if (!api.ok()) return api.status();
  api_ = *api;
  auto core =
      make_owner<c::Core>(*api_, StatusCode::kUnavailable, [&](auto** out) { return api_->ov_core_create(out); });
  if (!core.ok()) {
    return unavailable(
        fmt::format("{} cannot start (is plugins.xml beside it?): {}", library, core.status().message()));
  }
  core_ = std::move(*core);
  auto types = ElementTypes::ask(*api_, *core_);
  if (!types.ok()) return types.status();
  types_ = std::move(*types);
  return {};
}

void WorkerSession::serve(const std::string& library) {
  Hello hello;
  hello.status = load(library);
  if (hello.status.ok()) hello.version = library_version(*api_);
  send(hello);
  if (!hello.status.ok()) return;
  while (true) {
    pollfd waiting{socket_.fd(), POLLIN, 0};
    // The server closes the socket, or ends and the kernel does: both wake this.
    (void)::poll(&waiting, 1, -1);
    auto packet = socket_.receive();
    if (!packet.ok()) return;
    if (packet->bytes.empty()) continue;
    if (!handle(std::move(*packet))) return;
    join_compilations(false);
  }
}

bool WorkerSession::handle(Packet packet) {
  const auto type = MessageReader::type_of(packet.bytes);
  const auto read_as = [&](auto& message) { return MessageReader::read(packet.bytes, message); };
  switch (type.value_or(MessageType{})) {
    case MessageType::kStartRun:
      if (!read_as(start_)) return false;
      handle_start(start_);
      return true;
    case MessageType::kCancelRun: {
      CancelRun cancel;
      if (!read_as(cancel)) return false;
      if (auto* slot = find_slot(cancel.request)) slot->cancel(cancel.run);
      return true;
    }
    case MessageType::kListDevices: {
      auto listed = list_devices(*api_, *core_);
      send(listed.ok() ? Devices{{}, std::move(*listed)} : Devices{listed.status(), {}});
      return true;
    }
    case MessageType::kCompileModel: {
      CompileModel wanted;
      if (!read_as(wanted)) return false;
      handle_compile(wanted);
      return true;
    }
    case MessageType::kReleaseModel: {
      ReleaseModel release;
      if (!read_as(release)) return false;
      handle_release(release);
      return true;
    }
    case MessageType::kOpenRequest: {
      OpenRequest open;
      if (!read_as(open)) return false;
      handle_open(open, std::move(packet.attached));
      return true;
    }
    case MessageType::kCloseRequest: {
      CloseRequest close;
      if (!read_as(close)) return false;
      const auto found = model_of_request_.find(close.request);
      if (found == model_of_request_.end()) return true;
      found->second->slots.erase(close.request);
      model_of_request_.erase(found);
      return true;
    }
    case MessageType::kPing:
      send(Pong{});
      return true;
    default:
      return false;
  }
}

void WorkerSession::handle_compile(const CompileModel& wanted) {
  if (compilations_.size() >= kMaxCompilations) {
    send(ModelCompiled{wanted.model, {StatusCode::kResourceExhausted, "too many models are compiled at once"}, {}, {}});
    return;
  }
  auto over = std::make_shared<std::atomic<bool>>(false);
  // Minutes may pass; what runs meanwhile is not to wait.
  std::thread thread([this, wanted, over] {
    ModelCompiled answer{wanted.model, {}, {}, {}};
    auto ready = compile_model(*api_, *core_, *types_, wanted);
    answer.status = ready.ok() ? Status() : ready.status();
    if (ready.ok()) {
      answer.signature = ready->signature;
      answer.info = ready->info;
      answer.shapes_follow_inputs = ready->shapes_follow_inputs;
      auto model = std::make_unique<Model>(*api_, *types_, std::move(*ready), is_movidius(wanted.device));
      const std::lock_guard lock(models_mutex_);
      models_[wanted.model] = std::move(model);
    }
    send(answer);
    *over = true;
  });
  compilations_.push_back({std::move(thread), std::move(over)});
}

void WorkerSession::handle_release(const ReleaseModel& release) {
  std::unique_ptr<Model> model;
  {
    const std::lock_guard lock(models_mutex_);
    if (const auto found = models_.find(release.model); found != models_.end()) {
      model = std::move(found->second);
      models_.erase(found);
    }
  }
  std::erase_if(model_of_request_, [&](const auto& entry) { return entry.second == model.get(); });
  model.reset();
  send(ModelReleased{release.model});
}

Status WorkerSession::open_request(const OpenRequest& open, Descriptor memory) {
  if (!memory) return internal_error("a request came without its memory");
  const std::lock_guard lock(models_mutex_);
  const auto found = models_.find(open.model);
  if (found == models_.end() || model_of_request_.contains(open.request))
    return internal_error("a request came for a model that is not here");
  Model& model = *found->second;
  auto request = make_owner<c::InferRequest>(*api_, StatusCode::kInternal, [&](auto** out) {
    return api_->ov_compiled_model_create_infer_request(model.compiled.get(), out);
  });
  if (!request.ok()) return request.status();
  model.slots[open.request] =
      std::make_unique<RequestSlot>(model.shared, std::move(*request), SharedArena::adopt(std::move(memory)),
                                    [this](const RunDone& done) { send(done); });
  model_of_request_[open.request] = &model;
  return {};
}

void WorkerSession::handle_open(const OpenRequest& open, Descriptor memory) {
  send(RequestOpened{open.request, open_request(open, std::move(memory))});
}

void WorkerSession::handle_start(const StartRun& run) {
  auto* slot = find_slot(run.request);
  const Status status = slot ? slot->start(run) : internal_error("a run came for a request that is not here");
  if (!status.ok()) send(RunDone{run.request, run.run, status, {}});
}

RequestSlot* WorkerSession::find_slot(std::uint64_t request) {
  const auto found = model_of_request_.find(request);
  return found == model_of_request_.end() ? nullptr : found->second->slots.at(request).get();
}

void WorkerSession::join_compilations(bool all) {
  std::erase_if(compilations_, [&](Compilation& one) {
    if (!all && !*one.over) return false;
    one.thread.join();
    return true;
  });
}

}  // namespace ocelli::openvino_c
