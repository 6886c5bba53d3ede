// Closed-loop gRPC load with the stock C++ library: each of CONNECTIONS threads has a channel of its own and calls
// synchronously, with a request that was serialised beforehand. Usage: bench_load_grpc HOST:PORT METHOD REQUEST_FILE
// CONNECTIONS SECONDS. Beside the rate of the whole run it tells the steady one, of the time in which all connections
// were waiting for answers.
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <numeric>
#include <thread>
#include <vector>

#include "percentiles.hpp"

namespace {

using Clock = std::chrono::steady_clock;

struct Worker {
  std::vector<std::int64_t> latencies;
  std::vector<Clock::time_point> answers;
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
      worker.answers.push_back(Clock::now());
      worker.latencies.push_back((worker.answers.back() - begin).count());
    } else {
      if (worker.errors++ == 0) worker.first_error = status.error_message();
    }
  }
}

// Answers per second while all connections had a request in flight: the slope of the line of least squares through the
// count of answers over time. Answers of a batch come at once, so that a count between two moments would be off by up
// to a batch at either end; the line is not, unless it begins in the middle of a batch. So it begins a tenth of the
// time after the first answer of the slowest connection, which is in the middle of one. 0: too few answers.
double steady_rate(const std::vector<Worker>& workers, Clock::time_point stopped) {
  Clock::time_point filled{};
  std::vector<double> times;
  for (const auto& worker : workers) {
    if (worker.answers.empty()) return 0;
    filled = std::max(filled, worker.answers.front());
  }
  const auto begin = filled + (stopped - filled) / 10;
  for (const auto& worker : workers) {
    for (const auto answer : worker.answers) {
      if (answer > begin && answer < stopped) times.push_back(std::chrono::duration<double>(answer - begin).count());
    }
  }
  if (times.empty()) return 0;
  std::sort(times.begin(), times.end());
  const auto count = static_cast<double>(times.size());
  const double middle = std::accumulate(times.begin(), times.end(), 0.0) / count;
  double both = 0;
  double spread = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    both += (times[i] - middle) * (static_cast<double>(i) - (count - 1) / 2);
    spread += (times[i] - middle) * (times[i] - middle);
  }
  return spread > 0 ? both / spread : 0;
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
    worker.answers.reserve(1 << 20);
    threads.emplace_back([&] { run(argv[1], argv[2], request, stop, worker); });
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(std::atof(argv[5])));
  const auto stopped = Clock::now();
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
  auto told = bench::summary(all, seconds, errors);
  told.insert(1, fmt::format(R"("steady_rate":{:.3f},)", steady_rate(workers, stopped)));
  std::printf("%s\n", told.c_str());
  return all.empty() ? 1 : 0;
}
