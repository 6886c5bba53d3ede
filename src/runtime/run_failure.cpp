#include "runtime/run_failure.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace ocelli {
namespace {

// Of OpenVINO and ONNX Runtime, with and without a capital in front.
constexpr std::array<std::string_view, 3> kWords{"shape", "Shape", "imension"};

bool speaks_of_shapes(std::string_view message) {
  return std::ranges::any_of(kWords,
                             [&](std::string_view word) { return message.find(word) != std::string_view::npos; });
}

}  // namespace

Status judge_run_failure(Status status, bool dynamic) {
  if (!dynamic || status.code() != StatusCode::kInternal || !speaks_of_shapes(status.message())) return status;
  return invalid_argument("the model refuses these shapes: " + std::string(status.message()));
}

}  // namespace ocelli
