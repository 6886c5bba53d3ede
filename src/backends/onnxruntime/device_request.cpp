#include "backends/onnxruntime/device_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace ocelli::onnxruntime {
namespace {

constexpr std::string_view kHetero = "HETERO:";

Status refuse(const std::string& text, std::string_view why) {
  return failed_precondition(fmt::format("Cannot compile model into target device {}: {}", text, why));
}

// Takes ".n" off a name; the index stays 0 when there is none. False when it is no number.
bool take_index(std::string_view& name, std::uint32_t& index) {
  const auto dot = name.find('.');
  if (dot == std::string_view::npos) return true;
  const std::string_view digits = name.substr(dot + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  name = name.substr(0, dot);
  return error == std::errc() && end == digits.data() + digits.size();
}

// "CUDA.0(4)" without its "(4)".
std::string_view without_count(std::string_view member) {
  return member.ends_with(')') ? member.substr(0, member.find('(')) : member;
}

Status add(DeviceRequest& request, Provider provider, std::uint32_t index, bool optional) {
  for (const auto& use : request.providers) {
    if (use.index != index) {
      return refuse(request.text,
                    fmt::format("one model runs on one NVIDIA card here, not on {} and {}", use.index, index));
    }
  }
  const bool is_new = std::none_of(request.providers.begin(), request.providers.end(),
                                   [&](const ProviderUse& use) { return use.provider == provider; });
  if (is_new) request.providers.push_back({provider, index, optional});
  return {};
}

Status add_member(DeviceRequest& request, std::string_view member) {
  if (member == "CPU") {
    request.cpu_allowed = true;
    return {};
  }
  if (request.cpu_allowed)
    return refuse(request.text, fmt::format("the CPU takes every operator, so {} behind it would get none", member));
  std::string_view name = member;
  std::uint32_t index = 0;
  if (!take_index(name, index)) return refuse(request.text, fmt::format("the number of {} is no number", member));
  if (name == "CUDA") return add(request, Provider::kCuda, index, false);
  if (name != "TENSORRT" && name != "NVIDIA")
    return refuse(request.text, "ONNX Runtime has CPU, CUDA.n, TENSORRT.n and NVIDIA.n, and HETERO over them");
  const bool any = name == "NVIDIA";
  if (auto status = add(request, Provider::kTensorrt, index, any); !status.ok()) return status;
  return add(request, Provider::kCuda, index, any);
}

}  // namespace

std::string_view provider_name(Provider provider) noexcept {
  switch (provider) {
    case Provider::kCuda:
      return "CUDAExecutionProvider";
    case Provider::kTensorrt:
      return "TensorrtExecutionProvider";
    case Provider::kCpu:
      break;
  }
  return "CPUExecutionProvider";
}

std::string_view short_name(Provider provider) noexcept {
  switch (provider) {
    case Provider::kCuda:
      return "CUDA";
    case Provider::kTensorrt:
      return "TENSORRT";
    case Provider::kCpu:
      break;
  }
  return "CPU";
}

std::string ProviderUse::to_string() const {
  return provider == Provider::kCpu ? "CPU" : fmt::format("{}.{}", short_name(provider), index);
}

bool DeviceRequest::uses(Provider provider) const noexcept {
  return std::any_of(providers.begin(), providers.end(), [&](const auto& use) { return use.provider == provider; });
}

Result<DeviceRequest> parse_device(const std::string& text) {
  DeviceRequest request{text, {}, false};
  std::string_view rest = text;
  if (!rest.starts_with(kHetero)) {
    if (auto status = add_member(request, rest); !status.ok()) return status;
    return request;
  }
  rest.remove_prefix(kHetero.size());
  for (bool more = true; more;) {
    const auto comma = rest.find(',');
    const auto member = without_count(rest.substr(0, comma));
    if (auto status = add_member(request, member); !status.ok()) return status;
    more = comma != std::string_view::npos;
    if (more) rest.remove_prefix(comma + 1);
  }
  return request;
}

}  // namespace ocelli::onnxruntime
