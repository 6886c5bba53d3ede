#include "backends/onnxruntime/ort_assignment.hpp"

#include <fmt/format.h>

#include <charconv>
#include <span>
#include <string_view>

namespace ocelli::onnxruntime {
namespace {

// The headers that we build with end at version 21 of the interface. The interface only ever grows at its end, so what
// version 24 added is reached by its place in the table. The places were the same in every release that was asked:
// 1.24.1 to 1.24.4, 1.25.0, 1.25.1, 1.27, 1.29 and 1.31.1.
constexpr std::uint32_t kVersion = 24;
constexpr std::size_t kGetAssignment = 407;
constexpr std::size_t kGetProvider = 408;
constexpr std::size_t kGetNodes = 409;
constexpr std::size_t kGetOperator = 412;
static_assert(sizeof(OrtApi) / sizeof(void*) <= kGetAssignment, "newer headers: call these functions by name");

// Opaque types of version 24.
struct AssignedSubgraph;
struct AssignedNode;

// Session_GetEpGraphAssignmentInfo, EpAssignedSubgraph_GetEpName, EpAssignedSubgraph_GetNodes and
// EpAssignedNode_GetOperatorType. What they give belongs to the session.
struct AssignmentApi {
  OrtStatus* (*subgraphs)(const OrtSession*, const AssignedSubgraph* const**, std::size_t*);
  OrtStatus* (*provider)(const AssignedSubgraph*, const char**);
  OrtStatus* (*nodes)(const AssignedSubgraph*, const AssignedNode* const**, std::size_t*);
  OrtStatus* (*op)(const AssignedNode*, const char**);

  explicit AssignmentApi(const OrtApi& api) {
    const auto* table = reinterpret_cast<void* const*>(&api);
    subgraphs = reinterpret_cast<decltype(subgraphs)>(table[kGetAssignment]);
    provider = reinterpret_cast<decltype(provider)>(table[kGetProvider]);
    nodes = reinterpret_cast<decltype(nodes)>(table[kGetNodes]);
    op = reinterpret_cast<decltype(op)>(table[kGetOperator]);
  }
};

std::string device_of(std::string_view name, const std::vector<ProviderUse>& providers) {
  for (const auto& use : providers) {
    if (provider_name(use.provider) == name) return use.to_string();
  }
  return name == provider_name(Provider::kCpu) ? "CPU" : std::string(name);
}

Status add_subgraph(const OrtApi& api, const AssignmentApi& calls, const AssignedSubgraph& subgraph,
                    const std::vector<ProviderUse>& providers,
                    std::map<std::string, std::map<std::string, std::uint32_t>>& shares) {
  const char* provider = nullptr;
  const AssignedNode* const* nodes = nullptr;
  std::size_t count = 0;
  auto status = take(api, calls.provider(&subgraph, &provider), StatusCode::kInternal);
  if (status.ok()) status = take(api, calls.nodes(&subgraph, &nodes, &count), StatusCode::kInternal);
  if (!status.ok()) return status;
  auto& operators = shares[device_of(provider, providers)];
  for (const AssignedNode* node : std::span(nodes, count)) {
    const char* op = nullptr;
    if (status = take(api, calls.op(node, &op), StatusCode::kInternal); !status.ok()) return status;
    ++operators[op];
  }
  return {};
}

}  // namespace

bool tells_assignment(const OrtLibrary& library) {
  // "1.31.1": the second number is the version of the interface.
  std::uint32_t minor = 0;
  const auto dot = library.version.find('.');
  if (dot == std::string::npos) return false;
  const char* end = library.version.data() + library.version.size();
  return std::from_chars(library.version.data() + dot + 1, end, minor).ec == std::errc() && minor >= kVersion;
}

Status record_assignment(const OrtLibrary& library, OrtSessionOptions& options) {
  if (!tells_assignment(library)) return {};
  const OrtApi& api = *library.api;
  return take(api, api.AddSessionConfigEntry(&options, "session.record_ep_graph_assignment_info", "1"),
              StatusCode::kInternal);
}

Result<NodePlacement> assignment_of(const OrtLibrary& library, const OrtSession& session,
                                    const std::vector<ProviderUse>& providers) {
  if (!tells_assignment(library)) return NodePlacement{};
  const OrtApi& api = *library.api;
  const AssignmentApi calls(api);
  const AssignedSubgraph* const* subgraphs = nullptr;
  std::size_t count = 0;
  if (auto status = take(api, calls.subgraphs(&session, &subgraphs, &count), StatusCode::kInternal); !status.ok())
    return status;
  std::map<std::string, std::map<std::string, std::uint32_t>> shares;
  for (const AssignedSubgraph* subgraph : std::span(subgraphs, count)) {
    if (auto status = add_subgraph(api, calls, *subgraph, providers, shares); !status.ok()) return status;
  }
  NodePlacement placement;
  const auto move_share = [&](const std::string& device) {
    if (auto node = shares.extract(device); !node.empty()) placement.push_back({node.key(), std::move(node.mapped())});
  };
  for (const auto& use : providers) move_share(use.to_string());
  while (!shares.empty()) {
    // The CPU comes last.
    const bool only_cpu = shares.size() == 1 || shares.begin()->first != "CPU";
    move_share(only_cpu ? shares.begin()->first : std::next(shares.begin())->first);
  }
  return placement;
}

}  // namespace ocelli::onnxruntime
