#include <iterator>

#include "inference/grpc_service.pb.h"
#include "protocols/kserve_grpc/control_methods.hpp"
#include "protocols/rpc/proto_method.hpp"

namespace ocelli::kserve_grpc {
rpc::UnaryMethods server_methods(const ControlServices& services) {
  const std::string prefix = "/inference.GRPCInferenceService/";
  const auto live = [](const inference::ServerLiveRequest&, inference::ServerLiveResponse& reply) {
    reply.set_live(true);
    return Status();
  };
  const auto ready = [is_ready = services.ready](const inference::ServerReadyRequest&,
                                                 inference::ServerReadyResponse& reply) {
    reply.set_ready(is_ready());
    return Status();
  };
  const auto metadata = [name = services.server_name, version = services.server_version,
                         shared_memory = services.shared_memory != nullptr](const inference::ServerMetadataRequest&,
                                                                            inference::ServerMetadataResponse& reply) {
    reply.set_name(name);
    reply.set_version(version);
    for (const auto* extension :
         {"binary_tensor_data", "classification", "logging", "model_configuration", "model_repository", "parameters",
          "schedule_policy", "sequence", "statistics", "trace"}) {
      reply.add_extensions(extension);
    }
    if (shared_memory) reply.add_extensions("system_shared_memory");
    return Status();
  };
  rpc::UnaryMethods methods;
  methods.push_back(
      rpc::proto_method<inference::ServerLiveRequest, inference::ServerLiveResponse>(prefix + "ServerLive", live));
  methods.push_back(
      rpc::proto_method<inference::ServerReadyRequest, inference::ServerReadyResponse>(prefix + "ServerReady", ready));
  methods.push_back(rpc::proto_method<inference::ServerMetadataRequest, inference::ServerMetadataResponse>(
      prefix + "ServerMetadata", metadata));
  return methods;
}

rpc::UnaryMethods control_methods(const ControlServices& services) {
  rpc::UnaryMethods all;
  for (auto* part : {server_methods, model_methods, statistics_methods, repository_methods, settings_methods,
                     shared_memory_methods}) {
    auto methods = part(services);
    std::move(methods.begin(), methods.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace ocelli::kserve_grpc
