#include "server/server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <future>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/version.hpp"
#include "devices/runtime_registry.hpp"
#include "image/cuda_module.hpp"
#include "observability/access_log.hpp"
#include "observability/metrics_registry.hpp"
#include "protocols/rest_router/rest_router.hpp"
#include "protocols/rpc_router/rpc_router.hpp"
#include "repository/model_repository.hpp"
#include "runtime/backend_module.hpp"
#include "server/api_key.hpp"
#include "server/descriptor_share.hpp"
#include "server/listener_setup.hpp"
#include "server/model_factory.hpp"
#include "server/repository_setup.hpp"
#include "serving/serving_context.hpp"
#include "tensor/buffer_pool.hpp"
#include "transport/grpc/rpc_server.hpp"
#include "transport/http/http_server.hpp"
#include "transport/io_threads.hpp"
#include "transport/shared_memory/shared_memory_registry.hpp"
#include "transport/tls_context.hpp"

namespace ocelli::server {
namespace {

// Loads, unloads and reloads by REST that may wait for their turn; more are refused.
constexpr std::size_t kMaxAdministration = 64;
// Unloading gets this long even when requests have used up the time for stopping.
constexpr Duration kLeastUnloading = std::chrono::seconds(1);
// Four billion minutes do not fit the clock's nanoseconds.
constexpr std::uint32_t kMostMinutes = 60U * 24 * 366 * 100;

std::map<std::string, BackendContext> backend_contexts(const ServerOptions& options, const Log& log) {
  std::map<std::string, BackendContext> contexts;
  contexts["onnxruntime"] = {log.channel("onnxruntime"), options.onnxruntime_path, ""};
  contexts["openvino_c"] = {log.channel("openvino_c"), options.openvino_legacy_dir, ""};
  if (!options.simulated_devices.empty())
    contexts["simulated"] = {log.channel("simulated"), "", options.simulated_devices};
  return contexts;
}

observability::ConnectionCounts connection_counts(const transport::TransportTotals& totals) {
  return {static_cast<std::uint64_t>(std::max<std::int64_t>(0, totals.open_connections)), totals.accepted_connections};
}

// Makes processors of pictures on NVIDIA cards. pool outlives them.
serving::PictureProcessors::LoadCard cards_at(const std::filesystem::path& folder, BufferPool& pool) {
  return [folder, &pool](std::uint32_t card) { return image::load_cuda_preprocessor(folder, card, pool); };
}

std::vector<observability::DeviceMemoryFact> memory_facts(const serving::DeviceMemory& memory) {
  std::vector<observability::DeviceMemoryFact> facts;
  for (const auto& [device, line] : memory.lines()) facts.push_back({device, line.limit, line.used});
  return facts;
}

// What the options mean, read before anything is started.
struct Plan {
  MetricsChoice metrics;
  repository::RepositoryOptions repository;
  ModelFactoryOptions factory;
  serving::DeviceMemoryOptions memory;
  ApiKeys keys;
  std::unique_ptr<observability::AccessLog> access_log;
};

Result<Plan> make_plan(const ServerOptions& options, const Log& log) {
  Plan plan;
  // The first pass over config.json may say more.
  auto metrics = choose_metrics(options, std::nullopt);
  if (!metrics.ok()) return metrics.status();
  plan.metrics = *metrics;
  auto repository = repository_options(options);
  if (!repository.ok()) return repository.status();
  plan.repository = std::move(*repository);
  auto batching = batching_options(options.batching);
  if (!batching.ok()) return batching.status();
  plan.factory.batching = std::move(*batching);
  auto simulated = simulated_device_names(options.simulated_devices);
  if (!simulated.ok()) return simulated.status();
  plan.factory.simulated_devices = std::move(*simulated);
  auto memory = memory_options(options, plan.factory.simulated_devices);
  if (!memory.ok()) return memory.status();
  plan.memory = std::move(*memory);
  plan.factory.probe_devices = options.probe_devices;
  plan.factory.queue_limit = options.limits.max_queued_requests;
  plan.factory.default_timeout = std::chrono::milliseconds(options.limits.request_timeout_ms);
  plan.factory.sequence_scan = std::chrono::minutes(std::min(options.sequence_cleaner_poll_wait_minutes, kMostMinutes));
  auto keys = read_api_keys(options);
  if (!keys.ok()) return keys.status();
  plan.keys = std::move(*keys);
  if (options.log.access_log != "off") {
    const auto format = options.log.access_log == "json" ? observability::AccessLogFormat::kJson
                                                         : observability::AccessLogFormat::kText;
    auto access_log = observability::make_access_log(format, options.log.access_log_path, log);
    if (!access_log.ok()) return access_log.status();
    plan.access_log = std::move(*access_log);
  }
  return plan;
}

bool opens_grpc(const ServerOptions& options) { return options.grpc.port != 0 || options.grpc.any_port; }
bool opens_rest(const ServerOptions& options) { return options.rest.port != 0 || options.rest.any_port; }

// How many connections and regions of shared memory there are files for; as many connections as come where there are
// enough: each door then counts its own, and tells those that it refuses.
DescriptorShare affordable(const ServerOptions& options, const Log& log) {
  const std::size_t doors = opens_grpc(options) && opens_rest(options) ? 2 : 1;
  const std::size_t each = options.limits.max_connections;
  constexpr auto kRegions = transport::SharedMemoryRegistry::kDefaultMaxRegions;
  const auto limit = open_files_limit();
  auto share = share_descriptors(limit, {each * doors, kRegions});
  if (share.connections < each || share.regions < kRegions) {
    log.warning(
        "This process may have {} files open: {} connections are let in, where --max_connections is {}, and {} regions "
        "of shared memory may be registered instead of {}; more with a higher limit (ulimit -n, LimitNOFILE=)",
        limit, share.connections, each, share.regions, kRegions);
  }
  if (share.connections == each * doors) share.connections = SIZE_MAX;
  return share;
}

}  // namespace

// In the order of their making: whatever stands above is used by what stands below and goes after it.
struct Server::Parts {
  Parts(const ServerOptions& given, const Log& sink, Plan& plan, std::size_t max_regions)
      : options(given),
        log(sink),
        access_log(std::move(plan.access_log)),
        pool(given.limits.buffer_pool_bytes),
        runtimes(default_backend_folder(), sink.channel("runtimes"), backend_contexts(given, sink)),
        context(pool, sink.channel("serving"), serving::ServingContext::kConversionThreads, std::move(plan.memory),
                cards_at(default_backend_folder(), pool)),
        metrics(std::make_shared<observability::MetricsRegistry>(plan.metrics.selection)),
        metrics_choice(plan.metrics),
        metrics_enabled(plan.metrics.enabled),
        repository(
            followed(std::move(plan.repository)),
            std::make_shared<ModelFactory>(std::move(plan.factory), runtimes, context, sink.channel("modelmanager")),
            sink.channel("modelmanager"), metrics),
        shared_memory(max_regions) {}

  const ServerOptions options;
  const Log log;
  std::shared_ptr<LogGate> log_gate;  // null: the log stays as it is
  std::unique_ptr<observability::AccessLog> access_log;
  BufferPool pool;
  devices::RuntimeRegistry runtimes;
  serving::ServingContext context;
  std::shared_ptr<observability::MetricsRegistry> metrics;
  MetricsChoice metrics_choice;  // the repository's passes change it, and what follows
  std::atomic<bool> metrics_enabled;
  repository::ModelRepository repository;
  transport::SharedMemoryRegistry shared_memory;
  std::unique_ptr<rpc::RpcRouter> rpc_router;
  std::unique_ptr<rest::RestRouter> rest_router;
  std::unique_ptr<ThreadPool> administration;  // below the router, because its tasks answer exchanges of it
  std::unique_ptr<GenerativeKeyGuard> key_guard;
  std::unique_ptr<transport::TlsContext> grpc_tls;
  std::unique_ptr<transport::IoThreads> threads;
  std::unique_ptr<transport::RpcServer> rpc;
  std::unique_ptr<transport::HttpServer> http;
  bool stopped = false;
  bool ended_whole = true;  // what stop() came to

  Status open_grpc(const ApiKeys& keys);
  Status open_rest(const ApiKeys& keys);
  repository::RepositoryOptions followed(repository::RepositoryOptions wanted);
  Status follow(const std::optional<repository::MonitoringConfig>& monitoring);
  bool stop_repository(Duration limit);
  bool stop(Duration limit);
};

Status Server::Parts::open_grpc(const ApiKeys& keys) {
  std::vector<std::string> ignored;
  auto rpc_settings = rpc_options(options, keys, ignored);
  if (!rpc_settings.ok()) return rpc_settings.status();
  for (const auto& argument : ignored) log.warning("grpc_channel_arguments: {} has no effect here", argument);
  for (const auto& sentence : options_without_effect(options)) log.warning("{}", sentence);
  if (const auto tls = tls_options(options.grpc.tls)) {
    auto made = transport::TlsContext::create(*tls, {"h2"});
    if (!made.ok()) return made.status();
    grpc_tls = std::move(*made);
  }
  rpc_router =
      std::make_unique<rpc::RpcRouter>(rpc::RpcRouterOptions{.catalog = repository,
                                                             .shared_memory = &shared_memory,
                                                             .server_version = std::string(kModelServerRelease),
                                                             .log = log_gate.get()});
  transport::RpcServerParts parts;
  parts.options = std::move(*rpc_settings);
  parts.handler = rpc_router.get();
  parts.pool = &pool;
  parts.threads = threads.get();
  parts.tls = grpc_tls.get();
  parts.access_log = access_log.get();
  parts.log = log.channel("grpc");
  auto started = transport::RpcServer::start(std::move(parts), options.grpc.bind_address,
                                             static_cast<std::uint16_t>(options.grpc.port));
  if (!started.ok()) return started.status();
  rpc = std::move(*started);
  metrics->watch_connections("gRPC", [server = rpc.get()] {
    transport::TransportTotals totals;
    totals.add(server->counters());
    return connection_counts(totals);
  });
  log.info("Started gRPC server on port {}", rpc->port());
  return {};
}

// The options of a repository whose config.json decides about the metrics.
repository::RepositoryOptions Server::Parts::followed(repository::RepositoryOptions wanted) {
  wanted.on_monitoring = [this](const std::optional<repository::MonitoringConfig>& monitoring) {
    return follow(monitoring);
  };
  return wanted;
}

Status Server::Parts::follow(const std::optional<repository::MonitoringConfig>& monitoring) {
  const auto choice = choose_metrics(options, monitoring);
  if (!choice.ok()) return choice.status();
  if (*choice == metrics_choice) return {};
  metrics_choice = *choice;
  metrics->select(choice->selection);
  metrics_enabled = choice->enabled;
  log.info("Metrics are {}, as config.json says", choice->enabled ? "on" : "off");
  return {};
}

Status Server::Parts::open_rest(const ApiKeys& keys) {
  administration = std::make_unique<ThreadPool>("ocelli-admin", 1, kMaxAdministration);
  rest::RestServices services(repository, *administration);
  services.shared_memory = &shared_memory;
  services.server_version = kModelServerRelease;
  services.log = log_gate.get();
  services.render_metrics = [this] { return metrics_enabled ? std::optional(metrics->render()) : std::nullopt; };
  rest_router = std::make_unique<rest::RestRouter>(std::move(services));
  transport::HttpHandler* handler = rest_router.get();
  if (!keys.generative.empty()) {
    key_guard = std::make_unique<GenerativeKeyGuard>(keys.generative, *rest_router);
    handler = key_guard.get();
  }
  auto started = transport::HttpServer::start(http_options(options, keys, access_log.get()), *handler, *threads, pool);
  if (!started.ok()) return started.status();
  http = std::move(*started);
  metrics->watch_connections("REST", [server = http.get()] { return connection_counts(server->totals()); });
  log.info("REST server listening on port {} with {} unary threads and {} streaming threads", http->port(),
           threads->size(), threads->size());
  return {};
}

// A runtime cannot be interrupted while it compiles, so this happens on a thread that can be left behind.
bool Server::Parts::stop_repository(Duration limit) {
  const auto limit_ms = std::chrono::duration_cast<std::chrono::milliseconds>(limit);
  std::promise<void> done;
  auto ended = done.get_future();
  std::thread stopper;
  try {
    stopper = std::thread([this, limit_ms, told = std::move(done)]() mutable {
      repository.stop(limit_ms);
      told.set_value();
    });
  } catch (const std::system_error&) {  // the number of threads is limited: then on this one
    repository.stop(limit_ms);
    return true;
  }
  if (ended.wait_for(limit + kLeastUnloading) == std::future_status::ready) {
    stopper.join();
    return true;
  }
  stopper.detach();
  return false;
}

bool Server::Parts::stop(Duration limit) {
  if (std::exchange(stopped, true)) return ended_whole;
  const auto deadline = Clock::now() + limit;
  context.ending.request_stop();
  if (rpc_router) rpc_router->begin_shutdown();
  if (http) http->begin_stop();
  const bool ended = !rpc || rpc->stop(limit);
  if (http) {
    const auto cut = http->stop(deadline);
    if (cut > 0)
      log.warning("{} requests were cut off after {} s", cut,
                  std::chrono::duration_cast<std::chrono::seconds>(limit).count());
  }
  ended_whole = stop_repository(std::max<Duration>(deadline - Clock::now(), kLeastUnloading)) && ended;
  // A compilation that cannot be interrupted is not waited for beyond that.
  for (auto* background : {&context.compilations, &context.rescues, &context.returns, &context.departures})
    ended_whole = ended_whole && background->idle_within(std::max<Duration>(deadline - Clock::now(), kLeastUnloading));
  return ended_whole;
}

Server::Server(std::unique_ptr<Parts> parts) noexcept : parts_(std::move(parts)) {}

Server::~Server() {
  // Whoever skips stop() has no time to lose. Parts that are still in use stay for good.
  if (parts_ && !parts_->stop(Duration::zero())) static_cast<void>(parts_.release());
}

Result<std::unique_ptr<Server>> Server::open(const ServerOptions& options, const Log& log,
                                             std::shared_ptr<LogGate> gate) {
  const auto share = affordable(options, log);
  auto plan = make_plan(options, log);
  if (!plan.ok()) return plan.status();
  const auto keys = plan->keys;
  if (const auto& cache = plan->repository.cache_dir; !cache.empty()) log.info("Model cache is enabled: {}", cache);
  auto parts = std::make_unique<Parts>(options, log, *plan, share.regions);
  parts->log_gate = std::move(gate);
  parts->metrics->watch_memory([memory = &parts->context.memory] { return memory_facts(*memory); });
  auto threads = transport::IoThreads::start(io_thread_count(options), share.connections);
  if (!threads.ok()) return threads.status();
  parts->threads = std::move(*threads);
  std::unique_ptr<Server> server(new Server(std::move(parts)));
  if (opens_grpc(options)) {
    if (auto status = server->parts_->open_grpc(keys); !status.ok()) return status;
  }
  if (opens_rest(options)) {
    if (auto status = server->parts_->open_rest(keys); !status.ok()) return status;
  }
  return server;
}

Status Server::load_models() { return parts_->repository.start(); }

bool Server::stop() { return parts_->stop(std::chrono::seconds(parts_->options.limits.shutdown_timeout_seconds)); }

std::uint16_t Server::rest_port() const noexcept { return parts_->http ? parts_->http->port() : 0; }

std::uint16_t Server::grpc_port() const noexcept { return parts_->rpc ? parts_->rpc->port() : 0; }

serving::ModelCatalog& Server::catalog() noexcept { return parts_->repository; }

}  // namespace ocelli::server
