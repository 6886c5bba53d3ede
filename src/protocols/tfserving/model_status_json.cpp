#include "protocols/tfserving/model_status_json.hpp"

#include <fmt/format.h>

#include <iterator>

namespace ocelli::tfserving {
namespace {

// TensorFlow Serving knows two reasons why a version does not serve.
std::string_view error_name(StatusCode code) noexcept {
  if (code == StatusCode::kOk || code == StatusCode::kFailedPrecondition) return status_code_name(code);
  return "UNKNOWN";
}

}  // namespace

void append_model_status(std::string& text, const serving::ModelStatus& status) {
  text.append("{\n \"model_version_status\": [");
  bool first = true;
  for (const auto& version : status.versions) {
    const auto error = error_name(version.error);
    fmt::format_to(
        std::back_inserter(text),
        "{}\n  {{\n   \"version\": \"{}\",\n   \"state\": \"{}\",\n   \"status\": {{\n    \"error_code\": \"{}\",\n"
        "    \"error_message\": \"{}\"\n   }}\n  }}",
        first ? "" : ",", version.version, version_state_name(version.state), error, error);
    first = false;
  }
  text.append(first ? "]\n}" : "\n ]\n}");
}

}  // namespace ocelli::tfserving
