// Reading and writing 150,528 floats (a picture's tensor) as JSON: simdjson's on-demand parser, this project's, and the
// writer. Prints medians in microseconds. Usage: json_numbers
#include <fmt/format.h>
#include <simdjson.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "protocols/json/json_text.hpp"
#include "protocols/kserve/infer_request.hpp"

namespace {

constexpr std::size_t kCount = 150528;
constexpr int kRounds = 61;

// Processor time of this thread: what other programs take does not count.
double thread_microseconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

template <typename Work>
double measure(Work work) {
  const double begin = thread_microseconds();
  work();
  return thread_microseconds() - begin;
}

double median(std::vector<double>& times) {
  std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2));
  return times[times.size() / 2];
}

std::string make_request(const std::vector<float>& values, bool as_double) {
  std::string text = R"({"inputs":[{"name":"b","shape":[1,150528],"datatype":"FP32","data":[)";
  for (std::size_t i = 0; i < values.size(); ++i) {
    text += i > 0 ? "," : "";
    text += as_double ? fmt::format("{}", static_cast<double>(values[i])) : fmt::format("{}", values[i]);
  }
  return text + "]}]}";
}

void read_with_simdjson(simdjson::ondemand::parser& parser, const simdjson::padded_string& text,
                        std::vector<float>& out) {
  auto document = parser.iterate(text);
  std::size_t i = 0;
  for (auto input : document["inputs"].get_array()) {
    for (auto value : input["data"].get_array()) out[i++] = static_cast<float>(value.get_double().value());
  }
}

// Both readers take turns, so that a busy machine slows them alike.
void compare(const char* what, const std::vector<float>& values, bool as_double) {
  const std::string text = make_request(values, as_double);
  const simdjson::padded_string padded(text);
  simdjson::ondemand::parser parser;
  std::vector<float> out(values.size());
  ocelli::BufferPool pool;
  ocelli::kserve::InferRequest request;
  const ocelli::kserve::InferBody body{std::as_bytes(std::span(text)), {}, {}, {}};
  std::vector<double> theirs;
  std::vector<double> ours;
  for (int round = 0; round < kRounds; ++round) {
    theirs.push_back(measure([&] { read_with_simdjson(parser, padded, out); }));
    request.clear();
    ours.push_back(
        measure([&] { static_cast<void>(ocelli::kserve::parse_infer_request(body, pool, nullptr, request)); }));
  }
  const auto* read = reinterpret_cast<const float*>(request.call.inputs.at(0).tensor.view.data);
  const bool same = out == values && std::equal(values.begin(), values.end(), read);
  const double a = median(theirs);
  const double b = median(ours);
  std::printf("%-28s %8zu bytes  simdjson %6.0f us  this project %6.0f us  ratio %.2f%s\n", what, text.size(), a, b,
              b / a, same ? "" : "  WRONG VALUES");
}

}  // namespace

int main() {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> distribution(-2, 2);
  std::vector<float> values(kCount);
  for (auto& value : values) value = distribution(random);
  compare("shortest float (7-9 digits)", values, false);
  compare("shortest double (17 digits)", values, true);

  ocelli::TensorView view{ocelli::DataType::kFp32, ocelli::Shape{1, kCount},
                          reinterpret_cast<std::byte*>(values.data()), kCount * sizeof(float)};
  std::string text;
  std::vector<double> times;
  for (int round = 0; round < kRounds; ++round) {
    text.clear();
    times.push_back(
        measure([&] { static_cast<void>(ocelli::json::append_elements(text, view, 0, kCount, ", ", "a")); }));
  }
  std::printf("%-28s %8zu bytes  this project %6.0f us\n", "written", text.size(), median(times));
  return 0;
}
