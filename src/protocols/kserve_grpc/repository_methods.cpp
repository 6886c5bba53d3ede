#include <fmt/format.h>

#include "inference/grpc_service.pb.h"
#include "protocols/kserve_grpc/control_methods.hpp"
#include "protocols/rpc/proto_method.hpp"

namespace ocelli::kserve_grpc {
namespace {

using serving::VersionState;

// Triton's words for the states.
std::string_view index_state(const serving::VersionStatus& version) noexcept {
  switch (version.state) {
    case VersionState::kAvailable:
      return "READY";
    case VersionState::kLoading:
      return version.error == StatusCode::kOk ? "LOADING" : "UNAVAILABLE";
    case VersionState::kUnloading:
      return "UNLOADING";
    default:
      return "UNAVAILABLE";
  }
}

Status repository_index(serving::ModelCatalog& catalog, const inference::RepositoryIndexRequest& request,
                        inference::RepositoryIndexResponse& reply) {
  for (const auto& model : catalog.all_statuses()) {
    if (model.versions.empty() && !request.ready()) reply.add_models()->set_name(model.name);
    for (const auto& version : model.versions) {
      if (request.ready() && version.state != VersionState::kAvailable) continue;
      auto& row = *reply.add_models();
      row.set_name(model.name);
      row.set_version(std::to_string(version.version));
      row.set_state(std::string(index_state(version)));
      row.set_reason(version.state == VersionState::kEnd && version.reason.empty() ? "unloaded" : version.reason);
    }
  }
  return {};
}

Status load_model(serving::ModelCatalog& catalog, const inference::RepositoryModelLoadRequest& request) {
  std::string config;
  for (const auto& [key, value] : request.parameters()) {
    if (key == "config") {
      config = value.string_param();
    } else if (key.starts_with("file:")) {
      return unimplemented(fmt::format(
          "Models cannot be sent with the request: put the file into the model's folder; parameter name: {}", key));
    }
  }
  return catalog.load(request.model_name(), config);
}

}  // namespace

rpc::UnaryMethods repository_methods(const ControlServices& services) {
  const std::string prefix = "/inference.GRPCInferenceService/";
  auto& catalog = services.catalog;
  rpc::UnaryMethods methods;
  methods.push_back(rpc::proto_method<inference::RepositoryIndexRequest, inference::RepositoryIndexResponse>(
      prefix + "RepositoryIndex",
      [&catalog](const auto& request, auto& reply) { return repository_index(catalog, request, reply); }));
  methods.push_back(rpc::proto_method<inference::RepositoryModelLoadRequest, inference::RepositoryModelLoadResponse>(
      prefix + "RepositoryModelLoad", [&catalog](const auto& request, auto&) { return load_model(catalog, request); },
      true));
  methods.push_back(
      rpc::proto_method<inference::RepositoryModelUnloadRequest, inference::RepositoryModelUnloadResponse>(
          prefix + "RepositoryModelUnload",
          [&catalog](const auto& request, auto&) { return catalog.unload(request.model_name()); }, true));
  return methods;
}

}  // namespace ocelli::kserve_grpc
