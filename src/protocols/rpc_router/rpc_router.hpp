// RpcRouter: every gRPC method of this server behind one RpcHandler.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/thread_pool.hpp"
#include "protocols/handoff/readers.hpp"
#include "protocols/handoff/waiting_pool.hpp"
#include "protocols/health/health_watch.hpp"
#include "protocols/kserve_grpc/infer_stream.hpp"
#include "protocols/reflection/reflection.hpp"
#include "protocols/rpc/conversation.hpp"
#include "protocols/rpc/unary_inference.hpp"
#include "protocols/rpc/unary_method.hpp"
#include "transport/grpc/rpc_exchange.hpp"

namespace ocelli {
class LogGate;
namespace transport {
class SharedMemoryRegistry;
}
}  // namespace ocelli

namespace ocelli::rpc {

// References must outlive the router.
struct RpcRouterOptions {
  serving::ModelCatalog& catalog;
  // Null: the shared memory extension is switched off.
  transport::SharedMemoryRegistry* shared_memory = nullptr;
  // What ServerMetadata answers.
  std::string server_name = "OpenVINO Model Server";
  std::string server_version;
  // What LogSettings changes. Null: not offered.
  LogGate* log = nullptr;
};

// inference.GRPCInferenceService, tensorflow.serving.PredictionService and ModelService, grpc.health.v1.Health,
// grpc.reflection.v1 and v1alpha. Thread-safe. Loading, unloading and reloading run on one worker thread. Must outlive
// every exchange that it was handed; its end waits for the jobs that are still on their way home.
class RpcRouter final : public transport::RpcHandler {
 public:
  // Blocking requests that may wait for the worker; one more is refused with RESOURCE_EXHAUSTED.
  static constexpr std::size_t kMaxBlocking = 64;
  // Of a request that neither infers nor loads, unloads or reloads; a longer one is refused.
  static constexpr std::size_t kMaxControlBytes = std::size_t{1} << 20;

  explicit RpcRouter(RpcRouterOptions options);
  ~RpcRouter() override;

  [[nodiscard]] bool known(std::string_view path) const noexcept override { return find(path) != nullptr; }
  [[nodiscard]] bool streaming(std::string_view path) const noexcept override;
  [[nodiscard]] std::size_t bulk_offset(std::string_view path,
                                        std::span<const std::byte> prefix) const noexcept override;
  void handle(transport::RpcExchange& exchange) noexcept override;

  // The server is on its way down: readiness and health say so and watchers are sent home; requests are still answered.
  void begin_shutdown() noexcept;

 private:
  enum class Kind : std::uint8_t { kInfer, kPredict, kInferStream, kWatch, kReflection, kControl, kBlocking };
  struct Entry {
    Kind kind;
    const UnaryMethod* method = nullptr;
  };

  [[nodiscard]] const Entry* find(std::string_view path) const noexcept;
  [[nodiscard]] bool ready() const noexcept;
  void add_control_methods();
  void run_control(const UnaryMethod& method, transport::RpcExchange& exchange) noexcept;
  void run_blocking(const UnaryMethod& method, transport::RpcExchange& exchange) noexcept;

  RpcRouterOptions options_;
  std::atomic<bool> shutting_down_{false};
  handoff::Readers readers_;
  InferenceServices services_;
  health::HealthSource health_;
  health::HealthWatch watch_;
  reflection::Reflection reflection_;
  Conversation::Answer reflect_;
  UnaryMethods methods_;
  std::unordered_map<std::string_view, Entry> entries_;

  // Streams hold jobs of stream_jobs_, so they go first.
  handoff::WaitingPool<UnaryInference> infers_;
  handoff::WaitingPool<UnaryInference> predicts_;
  handoff::WaitingPool<kserve_grpc::StreamInference> stream_jobs_;
  handoff::WaitingPool<kserve_grpc::InferStream> streams_;
  handoff::WaitingPool<Conversation> conversations_;
  ThreadPool worker_;
};

}  // namespace ocelli::rpc
