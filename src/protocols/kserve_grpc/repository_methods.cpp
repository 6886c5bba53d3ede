#include <fmt/format.h>

#include "inference/grpc_service.pb.h"
#include "protocols/kserve_grpc/control_methods.hpp"
#include "protocols/rpc/proto_method.hpp"
#include "serving/repository_index.hpp"

namespace ocelli::kserve_grpc {
namespace {

Status repository_index(serving::ModelCatalog& catalog, const inference::RepositoryIndexRequest& request,
                        inference::RepositoryIndexResponse& reply) {
  const auto models = catalog.all_statuses();
  for (const auto& row : serving::repository_index(models, request.ready())) {
    auto& entry = *reply.add_models();
    entry.set_name(std::string(row.name));
    entry.set_version(row.version);
    entry.set_state(std::string(row.state));
    entry.set_reason(std::string(row.reason));
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
