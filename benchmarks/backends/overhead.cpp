// What the runtime seam costs: the same OpenVINO model in the same process, raw and through the backend, in turns.
// Usage: backends_overhead MODEL [--format onnx|ir] [--shape 1,16] [--seconds 2] [--rounds 5] [--synchronous]
// [--property KEY=VALUE]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <openvino/runtime/core.hpp>

#include "base/clock.hpp"
#include "runtime/backend_module.hpp"

namespace {

using namespace ocelli;

// A thread waits, another tells it.
class Signal {
 public:
  void tell() {
    const std::lock_guard lock(mutex_);
    told_ = true;
    changed_.notify_one();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return told_; });
    told_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool told_ = false;
};

class Completion final : public InferCompletion {
 public:
  void on_infer_done(const Status& status) noexcept override {
    if (!status.ok()) std::abort();
    signal.tell();
  }
  Signal signal;
};

struct Arguments {
  std::string model;
  std::string format = "onnx";
  std::vector<std::int64_t> shape{1, 16};
  double seconds = 2;
  int rounds = 5;
  bool synchronous = false;
  std::map<std::string, std::string> properties{{"PERFORMANCE_HINT", "LATENCY"}, {"INFERENCE_PRECISION_HINT", "f32"}};
};

// Microseconds per call of one, over some seconds.
template <typename One>
double time_calls(double seconds, One one) {
  const auto begin = Clock::now();
  const auto end = begin + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  long calls = 0;
  auto now = begin;
  for (; now < end; now = Clock::now(), ++calls) one();
  return std::chrono::duration<double, std::micro>(now - begin).count() / static_cast<double>(calls);
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

template <typename T>
T value_or_exit(Result<T> result) {
  if (result.ok()) return std::move(result).value();
  fmt::print(stderr, "{}\n", result.status().to_string());
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Compares a raw OpenVINO loop with the backend's");
  app.add_option("model", arguments.model)->required();
  app.add_option("--format", arguments.format);
  app.add_option("--shape", arguments.shape)->delimiter(',');
  app.add_option("--seconds", arguments.seconds);
  app.add_option("--rounds", arguments.rounds);
  app.add_flag("--synchronous", arguments.synchronous, "run() and infer() on the caller's thread instead of start()");
  CLI11_PARSE(app, argc, argv);

  std::size_t count = 1;
  for (const auto extent : arguments.shape) count *= static_cast<std::size_t>(extent);
  // Two inputs in turns, as buffers of a pool come: the binding changes with each call.
  std::vector<float> inputs[2] = {std::vector<float>(count, 0.5F), std::vector<float>(count, 0.25F)};

  ov::Core core;
  auto raw_model = core.read_model(arguments.model);
  const std::vector<std::size_t> extents(arguments.shape.begin(), arguments.shape.end());
  raw_model->reshape(ov::PartialShape(ov::Shape(extents)));
  auto raw = core.compile_model(raw_model, "CPU", ov::AnyMap(arguments.properties.begin(), arguments.properties.end()))
                 .create_infer_request();
  Signal raw_done;
  raw.set_callback([&](const std::exception_ptr&) { raw_done.tell(); });

  auto runtime = value_or_exit(load_backend(default_backend_folder(), "openvino", {}));
  CompileOptions options;
  options.properties = arguments.properties;
  options.shapes[""] = PartialShape::from(Shape(arguments.shape));
  const auto format = arguments.format == "ir" ? ModelFormat::kOpenvinoIr : ModelFormat::kOnnx;
  auto model = value_or_exit(runtime->compile({format, arguments.model}, options));
  auto request = value_or_exit(model->create_request());
  Completion completion;

  long turn = 0;
  const auto raw_call = [&] {
    raw.set_input_tensor(0, ov::Tensor(ov::element::f32, extents, inputs[++turn & 1].data()));
    if (arguments.synchronous) return raw.infer();
    raw.start_async();
    raw_done.wait();
  };
  const auto our_call = [&] {
    auto& input = inputs[++turn & 1];
    const TensorView view{DataType::kFp32, Shape(arguments.shape), reinterpret_cast<std::byte*>(input.data()),
                          count * sizeof(float)};
    if (!request->set_input(0, view).ok()) std::abort();
    if (arguments.synchronous) {
      if (!request->run().ok()) std::abort();
      return;
    }
    request->start(completion);
    completion.signal.wait();
  };
  time_calls(0.5, raw_call);
  time_calls(0.5, our_call);
  std::vector<double> raw_times;
  std::vector<double> our_times;
  for (int round = 0; round < arguments.rounds; ++round) {
    // ABBA, so that a drift of the machine meets both alike.
    raw_times.push_back(time_calls(arguments.seconds / 2, raw_call));
    our_times.push_back(time_calls(arguments.seconds / 2, our_call));
    our_times.push_back(time_calls(arguments.seconds / 2, our_call));
    raw_times.push_back(time_calls(arguments.seconds / 2, raw_call));
  }
  fmt::print("raw {:.2f} us, backend {:.2f} us, backend's speed is {:.3f} of raw\n", median(raw_times),
             median(our_times), median(raw_times) / median(our_times));
  return 0;
}
