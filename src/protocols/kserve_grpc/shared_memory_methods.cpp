#include "inference/grpc_service.pb.h"
#include "protocols/kserve_grpc/control_methods.hpp"
#include "protocols/rpc/proto_method.hpp"
#include "transport/shared_memory/shared_memory_registry.hpp"

namespace ocelli::kserve_grpc {
namespace {

using transport::SharedMemoryRegistry;

Status region_status(const SharedMemoryRegistry* registry, const inference::SystemSharedMemoryStatusRequest& request,
                     inference::SystemSharedMemoryStatusResponse& reply) {
  if (!registry) return {};
  const auto regions = registry->status(request.name());
  if (!regions.ok()) return regions.status();
  for (const auto& region : regions.value()) {
    auto& row = (*reply.mutable_regions())[region.name];
    row.set_name(region.name);
    row.set_key(region.key);
    row.set_offset(region.offset);
    row.set_byte_size(region.byte_size);
  }
  return {};
}

Status register_region(SharedMemoryRegistry* registry, const inference::SystemSharedMemoryRegisterRequest& request) {
  if (!registry) return unimplemented("Shared memory is switched off on this server");
  return registry->register_region(request.name(), request.key(), request.offset(), request.byte_size());
}

Status unregister_region(SharedMemoryRegistry* registry,
                         const inference::SystemSharedMemoryUnregisterRequest& request) {
  if (!registry) return {};
  if (request.name().empty()) {
    registry->unregister_all();
  } else {
    registry->unregister(request.name());
  }
  return {};
}

// No region can exist, so asking for them and clearing up (which Triton's own examples do first) succeed.
Status nothing_to_do(const auto&, auto&) { return {}; }

}  // namespace

rpc::UnaryMethods shared_memory_methods(const ControlServices& services) {
  namespace pb = inference;
  const std::string system = "/inference.GRPCInferenceService/SystemSharedMemory";
  const std::string cuda = "/inference.GRPCInferenceService/CudaSharedMemory";
  auto* registry = services.shared_memory;
  rpc::UnaryMethods methods;
  methods.push_back(rpc::proto_method<pb::SystemSharedMemoryStatusRequest, pb::SystemSharedMemoryStatusResponse>(
      system + "Status",
      [registry](const auto& request, auto& reply) { return region_status(registry, request, reply); }));
  methods.push_back(rpc::proto_method<pb::SystemSharedMemoryRegisterRequest, pb::SystemSharedMemoryRegisterResponse>(
      system + "Register", [registry](const auto& request, auto&) { return register_region(registry, request); }));
  methods.push_back(
      rpc::proto_method<pb::SystemSharedMemoryUnregisterRequest, pb::SystemSharedMemoryUnregisterResponse>(
          system + "Unregister",
          [registry](const auto& request, auto&) { return unregister_region(registry, request); }));
  methods.push_back(rpc::proto_method<pb::CudaSharedMemoryStatusRequest, pb::CudaSharedMemoryStatusResponse>(
      cuda + "Status", nothing_to_do<pb::CudaSharedMemoryStatusRequest, pb::CudaSharedMemoryStatusResponse>));
  methods.push_back(rpc::proto_method<pb::CudaSharedMemoryRegisterRequest, pb::CudaSharedMemoryRegisterResponse>(
      cuda + "Register", [](const auto&, auto&) {
        return unimplemented("CUDA shared memory is not offered by this server: register system shared memory instead");
      }));
  methods.push_back(rpc::proto_method<pb::CudaSharedMemoryUnregisterRequest, pb::CudaSharedMemoryUnregisterResponse>(
      cuda + "Unregister",
      nothing_to_do<pb::CudaSharedMemoryUnregisterRequest, pb::CudaSharedMemoryUnregisterResponse>));
  return methods;
}

}  // namespace ocelli::kserve_grpc
