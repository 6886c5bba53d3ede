// Measures a gRPC server's answer to KServe ModelInfer with the synchronous client of gRPC C++, one channel and one
// thread for each connection.
//   rpc_probe serve [THREADS]                    our transport alone: any call is answered by 16 fixed bytes. Prints
//   "port N"; ends with its input rpc_probe load HOST:PORT MODEL FLOATS CONNECTIONS SECONDS
// MODEL has one input INPUT0 FP32 [1, FLOATS], as ../shared/peers/triton serves "small" (16) and "img" (150528). Prints
// one line of figures.
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/support/byte_buffer.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "tensor/buffer_pool.hpp"
#include "transport/grpc/rpc_server.hpp"

namespace {

using namespace ocelli;
using SteadyClock = std::chrono::steady_clock;

// Answers everything at once with a fixed message.
class FixedReply final : public transport::RpcHandler {
 public:
  [[nodiscard]] bool streaming(std::string_view) const noexcept override { return false; }
  [[nodiscard]] std::size_t bulk_offset(std::string_view, std::span<const std::byte>) const noexcept override {
    return 0;
  }
  void handle(transport::RpcExchange& exchange) noexcept override {
    static constexpr std::array<std::byte, 16> kReply{std::byte{10},
                                                      std::byte{14}};  // field 1, 14 bytes: a valid ModelInferResponse
    exchange.reply().add(kReply, {});
    exchange.finish({});
  }
};

int serve(std::size_t thread_count) {
  auto threads = transport::IoThreads::start(thread_count);
  if (!threads.ok()) return EXIT_FAILURE;
  BufferPool pool;
  FixedReply handler;
  transport::RpcServerParts parts;
  parts.handler = &handler;
  parts.pool = &pool;
  parts.threads = threads->get();
  auto server = transport::RpcServer::start(std::move(parts), "127.0.0.1", 0);
  if (!server.ok()) return EXIT_FAILURE;
  std::printf("port %u\n", (*server)->port());
  std::fflush(stdout);
  while (std::cin.get() != EOF) {
  }
  return EXIT_SUCCESS;
}

// The few fields of protobuf that a request needs, written by hand: the client shall not spend its time on messages.
void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}
void put_bytes(std::string& out, unsigned field, std::string_view bytes) {
  put_varint(out, field << 3 | 2);
  put_varint(out, bytes.size());
  out += bytes;
}

// ModelInferRequest: model_name = 1, inputs = 5 {name = 1, datatype = 2, shape = 3}, raw_input_contents = 7.
grpc::ByteBuffer infer_request(std::string_view model, std::size_t floats) {
  std::string shape;
  put_varint(shape, 1);
  put_varint(shape, floats);
  std::string input;
  put_bytes(input, 1, "INPUT0");
  put_bytes(input, 2, "FP32");
  put_bytes(input, 3, shape);
  std::string request;
  put_bytes(request, 1, model);
  put_bytes(request, 5, input);
  put_bytes(request, 7, std::string(floats * sizeof(float), '\0'));
  const grpc::Slice slice(request);
  return {&slice, 1};
}

struct Load {
  std::string target;
  std::string model;
  std::size_t floats = 16;
  int connections = 1;
  double seconds = 5;
};

// Calls until the time is over; microseconds of each call after the first tenth.
std::vector<double> run_connection(const Load& load, std::atomic<bool>& failed) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  const auto channel = grpc::CreateCustomChannel(load.target, grpc::InsecureChannelCredentials(), arguments);
  const grpc::internal::RpcMethod method("/inference.GRPCInferenceService/ModelInfer",
                                         grpc::internal::RpcMethod::NORMAL_RPC);
  const auto request = infer_request(load.model, load.floats);
  const auto begin = SteadyClock::now();
  const auto end =
      begin + std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(load.seconds));
  const auto warm = begin + (end - begin) / 10;
  std::vector<double> times;
  while (!failed) {
    const auto start = SteadyClock::now();
    if (start >= end) break;
    grpc::ClientContext context;
    grpc::ByteBuffer reply;
    const auto status = grpc::internal::BlockingUnaryCall(channel.get(), method, &context, request, &reply);
    if (!status.ok()) {
      std::cerr << status.error_code() << ' ' << status.error_message() << '\n';
      failed = true;
    }
    if (start >= warm) times.push_back(std::chrono::duration<double, std::micro>(SteadyClock::now() - start).count());
  }
  return times;
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

int run_load(const Load& load) {
  std::atomic<bool> failed{false};
  std::vector<std::vector<double>> each(static_cast<std::size_t>(load.connections));
  std::vector<std::thread> threads;
  for (auto& times : each) threads.emplace_back([&] { times = run_connection(load, failed); });
  for (auto& thread : threads) thread.join();
  std::vector<double> all;
  for (const auto& times : each) all.insert(all.end(), times.begin(), times.end());
  if (failed || all.empty()) return EXIT_FAILURE;
  std::sort(all.begin(), all.end());
  const auto quantile = [&](double q) {
    return all[static_cast<std::size_t>(q * static_cast<double>(all.size() - 1))];
  };
  std::printf("model=%s connections=%d per_second=%.0f p50_us=%.1f p90_us=%.1f p99_us=%.1f client_cpu_us=%.1f\n",
              load.model.c_str(), load.connections, static_cast<double>(all.size()) / (load.seconds * 0.9),
              quantile(0.5), quantile(0.9), quantile(0.99),
              cpu_seconds() * 1e6 * 0.9 / static_cast<double>(all.size()));
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words[0] == "serve") return serve(words.size() > 1 ? std::stoul(words[1]) : 2);
  if (words.size() == 6 && words[0] == "load") {
    return run_load({words[1], words[2], std::stoul(words[3]), std::stoi(words[4]), std::stod(words[5])});
  }
  std::cerr << "usage: rpc_probe serve [THREADS] | rpc_probe load HOST:PORT MODEL FLOATS CONNECTIONS SECONDS\n";
  return EXIT_FAILURE;
}
