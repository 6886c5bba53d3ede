// bench_preprocess MODULE_FOLDER SECONDS PICTURE...: encoded pictures to 3x224x224 floats, by as many threads as there
// are cores, on the CPU and on the card in turns. The last line is JSON: pictures a second of both.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "image/cuda_module.hpp"

namespace {

using namespace ocelli;
using Clock = std::chrono::steady_clock;
using Files = std::vector<std::vector<char>>;

constexpr int kRounds = 3;

Files read_all(int count, char** paths) {
  Files files;
  for (int i = 0; i < count; ++i) {
    std::ifstream file(paths[i], std::ios::binary);
    files.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return files;
}

// Pictures a second; ends the program when one cannot be read.
double rate_of(image::Preprocessor& preprocessor, const Files& files, double seconds) {
  image::PreprocessPlan plan;
  plan.width = 224;
  plan.height = 224;
  std::atomic<std::size_t> done{0};
  const auto begin = Clock::now();
  const auto end = begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  const auto work = [&] {
    std::vector<std::byte> out(image::tensor_bytes(plan));
    while (Clock::now() < end) {
      const auto& file = files[done.fetch_add(1) % files.size()];
      const auto status = preprocessor.run(std::as_bytes(std::span(file)), plan, out.data());
      if (status.ok()) continue;
      std::fprintf(stderr, "%s: %s\n", preprocessor.name().c_str(), status.to_string().c_str());
      std::exit(1);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i) threads.emplace_back(work);
  for (auto& thread : threads) thread.join();
  return static_cast<double>(done.load()) / std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 64;
  const Files files = read_all(argc - 3, argv + 3);
  const double seconds = std::atof(argv[2]) / kRounds;
  BufferPool pool;
  const auto cpu = image::make_cpu_preprocessor(pool);
  auto card = image::load_cuda_preprocessor(argv[1], 0, pool);
  if (!card.ok()) {
    std::fprintf(stderr, "%s\n", card.status().to_string().c_str());
    return 77;
  }
  double rates[2] = {0, 0};
  for (int round = 0; round < kRounds; ++round) {
    rates[0] += rate_of(*cpu, files, seconds) / kRounds;
    rates[1] += rate_of(**card, files, seconds) / kRounds;
  }
  std::printf("%s: %.1f/s, %s: %.1f/s\n", cpu->name().c_str(), rates[0], (*card)->name().c_str(), rates[1]);
  std::printf("{\"cpu\": %.1f, \"card\": %.1f}\n", rates[0], rates[1]);
  return 0;
}
