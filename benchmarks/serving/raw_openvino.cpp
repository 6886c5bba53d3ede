// The runtime alone: OpenVINO's own asynchronous loop, NIREQ requests in flight on the CPU, random input, in place.
// Usage: bench_raw_openvino MODEL SECONDS NIREQ [KEY=VALUE...] (properties, e.g. PERFORMANCE_HINT=THROUGHPUT
// INFERENCE_PRECISION_HINT=f32; BATCH=n reshapes the first dimension). NIREQ 0: the device's optimum. Rates are items
// per second.
#include <openvino/openvino.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "percentiles.hpp"

namespace {

using Clock = std::chrono::steady_clock;

struct Slot {
  ov::InferRequest request;
  Clock::time_point begin;
  std::vector<std::int64_t> latencies;
};

void fill(ov::Tensor& tensor) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(0.0F, 1.0F);
  if (tensor.get_element_type() != ov::element::f32) return;
  auto* values = tensor.data<float>();
  for (std::size_t i = 0; i < tensor.get_size(); ++i) values[i] = uniform(random);
}

ov::CompiledModel compile(ov::Core& core, int argc, char** argv, std::int64_t& batch) {
  auto model = core.read_model(argv[1]);
  ov::AnyMap properties;
  batch = 1;
  for (int i = 4; i < argc; ++i) {
    const std::string text(argv[i]);
    const auto equals = text.find('=');
    const auto key = text.substr(0, equals);
    if (key == "BATCH")
      batch = std::atoll(text.c_str() + equals + 1);
    else
      properties[key] = text.substr(equals + 1);
  }
  std::map<std::size_t, ov::PartialShape> shapes;
  for (std::size_t i = 0; i < model->inputs().size(); ++i) {
    auto shape = model->input(i).get_partial_shape();
    if (shape.rank().get_length() > 0) shape[0] = batch;
    shapes[i] = shape;
  }
  model->reshape(shapes);
  return core.compile_model(model, "CPU", properties);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 64;
  ov::Core core;
  std::int64_t batch = 1;
  auto compiled = compile(core, argc, argv, batch);
  auto count = static_cast<std::size_t>(std::atoi(argv[3]));
  if (count == 0) count = compiled.get_property(ov::optimal_number_of_infer_requests);
  std::vector<Slot> slots(count);
  const auto stop_at =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::atof(argv[2])));
  std::mutex mutex;
  std::condition_variable all_done;
  std::size_t running = count;
  for (auto& slot : slots) {
    slot.request = compiled.create_infer_request();
    for (const auto& input : compiled.inputs()) {
      auto tensor = slot.request.get_tensor(input);
      fill(tensor);
    }
    slot.request.set_callback([&](std::exception_ptr failure) {
      const auto now = Clock::now();
      if (!failure) slot.latencies.push_back((now - slot.begin).count());
      if (!failure && now < stop_at) {
        slot.begin = now;
        slot.request.start_async();
        return;
      }
      const std::lock_guard lock(mutex);
      if (--running == 0) all_done.notify_one();
    });
  }
  const auto begin = Clock::now();
  for (auto& slot : slots) {
    slot.begin = Clock::now();
    slot.request.start_async();
  }
  std::unique_lock lock(mutex);
  all_done.wait(lock, [&] { return running == 0; });
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count() / static_cast<double>(batch);
  std::vector<std::int64_t> latencies;
  for (auto& slot : slots) latencies.insert(latencies.end(), slot.latencies.begin(), slot.latencies.end());
  std::printf("%s\n", bench::summary(latencies, seconds, 0).c_str());
  return 0;
}
