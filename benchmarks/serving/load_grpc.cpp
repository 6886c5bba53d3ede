// Closed-loop gRPC load with the stock C++ library: each of CONNECTIONS threads has a channel of its own and calls
// synchronously, with a request that was serialised beforehand. Usage: bench_load_grpc HOST:PORT METHOD REQUEST_FILE
// CONNECTIONS SECONDS
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "percentiles.hpp"

namespace {

using Clock = std::chrono::steady_clock;

struct Worker {
  std::vector<std::int64_t> latencies;
  std::uint64_t errors = 0;
  std::string first_error;
};

void run(const std::string& target, const char* method, const std::string& request, const std::atomic<bool>& stop,
         Worker& worker) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt("grpc.use_local_subchannel_pool", 1);  // a connection of its own for each thread
  const auto channel = grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
  const grpc::internal::RpcMethod rpc(method, grpc::internal::RpcMethod::NORMAL_RPC, channel);
  grpc::Slice slice(request.data(), request.size(), grpc::Slice::STATIC_SLICE);
  while (!stop.load(std::memory_order_relaxed)) {
    const grpc::ByteBuffer message(&slice, 1);
    grpc::ByteBuffer reply;
    grpc::ClientContext context;
    const auto begin = Clock::now();
    const auto status =
        grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer, grpc::ByteBuffer, grpc::ByteBuffer>(
            channel.get(), rpc, &context, message, &reply);
    if (status.ok()) {
      worker.latencies.push_back((Clock::now() - begin).count());
    } else {
      if (worker.errors++ == 0) worker.first_error = status.error_message();
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return 64;
  std::ifstream file(argv[3], std::ios::binary);
  const std::string request{std::istreambuf_iterator<char>(file), {}};
  const auto connections = static_cast<std::size_t>(std::atoi(argv[4]));
  std::atomic<bool> stop{false};
  std::vector<Worker> workers(connections);
  std::vector<std::thread> threads;
  const auto begin = Clock::now();
  for (auto& worker : workers) {
    worker.latencies.reserve(1 << 20);
    threads.emplace_back([&] { run(argv[1], argv[2], request, stop, worker); });
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(std::atof(argv[5])));
  stop = true;
  for (auto& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::vector<std::int64_t> all;
  std::uint64_t errors = 0;
  for (auto& worker : workers) {
    all.insert(all.end(), worker.latencies.begin(), worker.latencies.end());
    errors += worker.errors;
    if (worker.errors) std::fprintf(stderr, "%s\n", worker.first_error.c_str());
  }
  std::printf("%s\n", bench::summary(all, seconds, errors).c_str());
  return all.empty() ? 1 : 0;
}
