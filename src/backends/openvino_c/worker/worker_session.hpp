// WorkerSession: the worker's side of the conversation.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "backends/openvino_c/protocol/message_codec.hpp"
#include "backends/openvino_c/protocol/packet_socket.hpp"
#include "backends/openvino_c/worker/model_reader.hpp"
#include "backends/openvino_c/worker/request_slot.hpp"

namespace ocelli::openvino_c {

// One library, its models and their requests. serve() is called once.
class WorkerSession {
 public:
  explicit WorkerSession(PacketSocket socket) : socket_(std::move(socket)) {}
  // Gives everything back to the library, runs stopped.
  ~WorkerSession();

  // Loads the library, tells whether that went well, and answers messages until the server closes the socket.
  void serve(const std::string& library);

 private:
  struct Model {
    Model(const CApi& api, const ElementTypes& types, ReadyModel ready, bool failure_is_loss)
        : compiled(std::move(ready.compiled)), shared{api, types, std::move(ready.signature), failure_is_loss} {}
    COwner<c::CompiledModel> compiled;
    SlotModel shared;
    std::map<std::uint64_t, std::unique_ptr<RequestSlot>> slots;  // destroyed before the model
  };
  struct Compilation {
    std::thread thread;
    std::shared_ptr<std::atomic<bool>> over;
  };

  Status load(const std::string& library);
  // False for what is no message of ours: the conversation is over.
  bool handle(Packet packet);
  void handle_compile(const CompileModel& wanted);
  void handle_release(const ReleaseModel& release);
  void handle_open(const OpenRequest& open, Descriptor memory);
  void handle_start(const StartRun& run);
  Status open_request(const OpenRequest& open, Descriptor memory);
  RequestSlot* find_slot(std::uint64_t request);
  void join_compilations(bool all);
  template <typename Message>
  void send(const Message& message);

  PacketSocket socket_;
  std::mutex send_mutex_;
  MessageWriter writer_;
  std::optional<CApi> api_;
  std::optional<ElementTypes> types_;
  COwner<c::Core> core_;
  std::mutex models_mutex_;  // compilations add models
  std::map<std::uint64_t, std::unique_ptr<Model>> models_;
  std::map<std::uint64_t, Model*> model_of_request_;
  std::vector<Compilation> compilations_;
  StartRun start_;  // reused, so that its list keeps its memory
};

}  // namespace ocelli::openvino_c
