#include <fmt/format.h>

#include <span>
#include <string_view>

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
  constexpr std::string_view kFile = "file:";
  using Parameter = inference::ModelRepositoryParameter;
  serving::SentModel sent;
  for (const auto& [key, value] : request.parameters()) {
    if (key == "config") {
      if (value.parameter_choice_case() != Parameter::kStringParam)
        return invalid_argument("Invalid parameter - Expected: a string; parameter name: config");
      sent.config = value.string_param();
    } else if (key.starts_with(kFile)) {
      if (value.parameter_choice_case() != Parameter::kBytesParam)
        return invalid_argument(fmt::format("Invalid parameter - Expected: bytes; parameter name: {}", key));
      const auto content = std::as_bytes(std::span(value.bytes_param()));
      sent.files.push_back(
          {key.substr(kFile.size()), [content](const serving::SentFile::Take& take) { return take(content); }});
    }
  }
  return catalog.load(request.model_name(), sent);
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
