// ServerOptions: everything that can be said about a server before it starts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "repository/model_config.hpp"

namespace ocelli::server {

// PEM files of a TLS listener; certificate and key empty: plain text. client_ca not empty: clients must show a
// certificate that it signed.
struct TlsFiles {
  std::string certificate;
  std::string key;
  std::string client_ca;
};

// The gRPC listener.
struct GrpcOptions {
  std::uint32_t port = 0;  // 0: no gRPC, unless any_port
  bool any_port = false;   // the system chooses the port; for tools and tests
  std::string bind_address = "0.0.0.0";
  std::uint32_t workers = 1;                   // accepted, 1..cores: one server serves all network threads
  std::optional<std::uint32_t> max_threads;    // accepted: calls do not occupy threads
  std::uint64_t memory_quota = 2'147'483'648;  // bytes of requests in memory, 0: no limit
  std::string channel_arguments;
  TlsFiles tls;
};

// The REST listener.
struct RestOptions {
  std::uint32_t port = 0;  // 0: no REST, unless any_port
  bool any_port = false;   // the system chooses the port; for tools and tests
  std::string bind_address = "0.0.0.0";
  std::optional<std::uint32_t> workers;
  std::uint64_t memory_quota = 4'294'967'296;  // bytes of request bodies in memory, 0: no limit
  TlsFiles tls;
  bool allow_credentials = false;
  std::string allowed_origins = "*";
  std::string allowed_methods = "*";
  std::string allowed_headers = "*";
};

// GET /metrics.
struct MetricsOptions {
  bool enabled = false;
  std::string list;  // comma list; empty: the default families
};

// What protects the server from its clients.
struct LimitOptions {
  std::uint32_t max_connections = 10'000;         // per listener
  std::uint64_t max_body_bytes = 1'073'741'824;   // 1 GiB: OVMS's limit for REST bodies and gRPC messages
  std::uint32_t idle_timeout_seconds = 300;       // a connection without a request
  std::uint32_t receive_timeout_seconds = 60;     // a request that stops arriving
  std::uint32_t max_queued_requests = 4096;       // per model version
  std::uint32_t request_timeout_ms = 0;           // for requests without a deadline of their own; 0: none
  std::uint32_t shutdown_timeout_seconds = 30;    // what is in flight at SIGTERM may take as long
  std::uint64_t buffer_pool_bytes = 268'435'456;  // unused buffers kept for reuse
};

// Server-side batching of requests, for every model whose batch dimension allows it.
struct BatchingOptions {
  std::string mode = "auto";         // "off", "auto": if it pays, "on"
  std::uint32_t max_batch_size = 0;  // 0: chosen per model
  std::string preferred_sizes;       // comma list
  std::uint32_t max_delay_us = 0;
};

// Who writes down what happens.
struct LogOptions {
  std::string level = "INFO";
  std::string path;                // also to this file; empty: standard output only
  std::string access_log = "off";  // "off", "text", "json"
  std::string access_log_path;     // empty: standard output
};

// A plain value. The defaults here are the defaults of the command line; how each is spelled there, its range and its
// meaning stand in cli/options, and for readers in docs/reference/options.md.
struct ServerOptions {
  GrpcOptions grpc;
  RestOptions rest;
  MetricsOptions metrics;
  LimitOptions limits;
  BatchingOptions batching;
  LogOptions log;
  std::uint32_t io_threads = 0;  // network threads, shared by all listeners; 0: one per core

  std::string api_key_file;
  std::string api_key;  // from the environment, when no file is given
  std::string api_key_scope = "v3";

  repository::ModelFlags model;             // single-model mode
  std::string config_path;                  // config mode
  std::string model_control_mode = "poll";  // "none", "poll", "explicit"
  std::string load_models;                  // comma list, for "explicit"
  std::uint32_t file_system_poll_wait_seconds = 1;
  std::uint32_t sequence_cleaner_poll_wait_minutes = 5;
  std::uint32_t load_threads = 0;  // 0: half of the cores
  std::string cache_dir;
  std::string cpu_extension;
  std::string onnxruntime_path;     // folder of the library; empty: the backend's own search
  std::string openvino_legacy_dir;  // folder of an older OpenVINO, for MYRIAD and HDDL; empty: none
  std::string simulated_devices;
  std::string device_memory;  // what models may take of devices' memories: "CPU=24MB,NVIDIA.0=6GB"; empty: no limits
  std::uint32_t idle_unload_seconds = 0;  // a model without work gives its device's memory back after so long; 0: never
  bool probe_devices = false;             // AUTO measures the model on its devices, CPU on both runtimes
};

}  // namespace ocelli::server
