// The runtime alone: ONNX Runtime's Run in a loop on the CPU provider, CALLERS threads over one session.
// Usage: bench_raw_onnxruntime MODEL SECONDS CALLERS INTRA_OP_THREADS BATCH. Rates are items per second; the first run,
// which takes the memory, does not count.
#include <dlfcn.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <onnxruntime_cxx_api.h>

#include "percentiles.hpp"

namespace {

using Clock = std::chrono::steady_clock;

bool open_library() {
  for (const auto& entry : std::filesystem::directory_iterator(OCELLI_ONNXRUNTIME_FOLDER)) {
    if (entry.path().filename().string().rfind("libonnxruntime.so", 0) != 0) continue;
    void* library = ::dlopen(entry.path().c_str(), RTLD_NOW);
    if (!library) continue;
    const auto base = reinterpret_cast<const OrtApiBase* (*)()>(::dlsym(library, "OrtGetApiBase"));
    Ort::InitApi(base()->GetApi(ORT_API_VERSION));
    return true;
  }
  return false;
}

// One run at least.
void loop(Ort::Session& session, std::int64_t batch, Clock::time_point end, std::vector<std::int64_t>& latencies) {
  Ort::AllocatorWithDefaultOptions allocator;
  const auto input_name = session.GetInputNameAllocated(0, allocator);
  const auto output_name = session.GetOutputNameAllocated(0, allocator);
  auto shape = session.GetInputTypeInfo(0).GetTensorTypeAndShapeInfo().GetShape();
  shape[0] = batch;
  std::size_t count = 1;
  for (auto dim : shape) count *= static_cast<std::size_t>(dim);
  std::vector<float> data(count, 0.5F);
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  const auto input = Ort::Value::CreateTensor<float>(memory, data.data(), data.size(), shape.data(), shape.size());
  const char* inputs[] = {input_name.get()};
  const char* outputs[] = {output_name.get()};
  auto now = Clock::now();
  do {
    session.Run(Ort::RunOptions{nullptr}, inputs, &input, 1, outputs, 1);
    const auto after = Clock::now();
    latencies.push_back((after - now).count());
    now = after;
  } while (now < end);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6 || !open_library()) return 64;
  Ort::Env environment(ORT_LOGGING_LEVEL_ERROR, "bench");
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(std::atoi(argv[4]));
  Ort::Session session(environment, argv[1], options);
  const auto batch = std::atoll(argv[5]);
  std::vector<std::vector<std::int64_t>> latencies(static_cast<std::size_t>(std::atoi(argv[3])));
  std::vector<std::int64_t> first;
  loop(session, batch, Clock::time_point(), first);
  const auto begin = Clock::now();
  const auto end =
      begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::atof(argv[2])));
  std::vector<std::thread> threads;
  for (auto& mine : latencies) threads.emplace_back([&] { loop(session, batch, end, mine); });
  for (auto& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count() / static_cast<double>(batch);
  std::vector<std::int64_t> all;
  for (auto& mine : latencies) all.insert(all.end(), mine.begin(), mine.end());
  std::printf("%s\n", bench::summary(all, seconds, 0).c_str());
  return 0;
}
