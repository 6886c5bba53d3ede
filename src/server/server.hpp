// Server: the composition root. Wires what the modules offer into one running model server.
#pragma once

#include <cstdint>
#include <memory>

#include "base/log.hpp"
#include "base/log_gate.hpp"
#include "base/status.hpp"
#include "server/server_options.hpp"
#include "serving/model_catalog.hpp"

namespace ocelli::server {

// Members are thread-safe, but open(), load_models() and stop() are called in this order by one thread at a time.
class Server {
 public:
  // Opens the listeners: metrics, then gRPC, then REST, so that liveness is answered while models load. Where the
  // process may have few files open, fewer connections are let in than the options say, which the log tells. gate: what
  // log passes, which clients may change; null: they may not. Errors: a port that is busy, files of TLS or keys that
  // cannot be read, options that do not fit; the message is for the log.
  static Result<std::unique_ptr<Server>> open(const ServerOptions& options, const Log& log,
                                              std::shared_ptr<LogGate> gate = nullptr);
  // stop() with no time, when it was not called.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The first load pass; blocks until it is over. Then new versions and configurations are watched for. Errors: those
  // of ModelRepository::start(). May be ended early by stop() from another thread.
  Status load_models();

  // Stops accepting, lets requests in work end for as long as --shutdown_timeout_seconds says, cuts the others, and
  // unloads all models. False when something did not come to an end: the object must then stay alive until the program
  // ends.
  [[nodiscard]] bool stop();

  // Ports that are really bound; 0: no such listener.
  [[nodiscard]] std::uint16_t rest_port() const noexcept;
  [[nodiscard]] std::uint16_t grpc_port() const noexcept;
  // The models.
  [[nodiscard]] serving::ModelCatalog& catalog() noexcept;

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts) noexcept;
  std::unique_ptr<Parts> parts_;
};

}  // namespace ocelli::server
