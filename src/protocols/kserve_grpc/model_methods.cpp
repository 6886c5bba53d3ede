#include <algorithm>

#include "inference/grpc_service.pb.h"
#include "protocols/kserve_grpc/control_methods.hpp"
#include "protocols/rpc/proto_method.hpp"
#include "protocols/rpc/version_text.hpp"
#include "serving/execution_facts.hpp"
#include "serving/servable.hpp"

namespace ocelli::kserve_grpc {
namespace {

using observability::Interface;
using observability::Method;
using serving::ServableHandle;
using serving::VersionState;

void count(const ServableHandle& servable, Method method) {
  servable->metrics().request_done(method, Interface::kGrpc, {}, Duration::zero());
}

Result<ServableHandle> find(serving::ModelCatalog& catalog, const std::string& name, const std::string& version_text) {
  const auto version = rpc::parse_version(version_text);
  if (!version.ok()) return version.status();
  return catalog.find(name, version.value());
}

// A version that exists but cannot answer (loading, failed, retired, its devices lost) is "not ready"; one that does
// not exist is an error.
Status model_ready(serving::ModelCatalog& catalog, const inference::ModelReadyRequest& request,
                   inference::ModelReadyResponse& reply) {
  const auto found = find(catalog, request.name(), request.version());
  if (found.ok()) {
    count(found.value(), Method::kModelReady);
    reply.set_ready(found.value()->current_metadata().device_status().ok());
    return {};
  }
  const auto version = rpc::parse_version(request.version());
  if (!version.ok()) return version.status();
  const auto status = catalog.status(request.name(), version.value());
  if (!status.ok()) return status.status();
  if (status->versions.empty()) return found.status();
  reply.set_ready(false);
  return {};
}

template <typename Tensors>
void describe(const std::vector<TensorSpec>& specs, Tensors* tensors) {
  for (const auto& spec : specs) {
    auto& tensor = *tensors->Add();
    tensor.set_name(spec.name);
    tensor.set_datatype(std::string(kserve_name(spec.type)));
    for (const auto& dim : spec.shape.dims) tensor.add_shape(dim.extent_or_dynamic());
  }
}

Status model_metadata(serving::ModelCatalog& catalog, const inference::ModelMetadataRequest& request,
                      inference::ModelMetadataResponse& reply) {
  const auto found = find(catalog, request.name(), request.version());
  if (!found.ok()) return found.status();
  const auto metadata = found.value()->current_metadata();
  reply.set_name(metadata.name);
  reply.set_platform(metadata.computing_platform());
  const auto status = catalog.status(request.name(), {});
  if (!status.ok()) return status.status();
  for (const auto& version : status->versions) {
    if (version.state == VersionState::kAvailable) reply.add_versions(std::to_string(version.version));
  }
  describe(metadata.inputs, reply.mutable_inputs());
  describe(metadata.outputs, reply.mutable_outputs());
  count(found.value(), Method::kModelMetadata);
  return {};
}

inference::DataType config_type(DataType type) {
  switch (type) {
    case DataType::kBool:
      return inference::TYPE_BOOL;
    case DataType::kInt8:
      return inference::TYPE_INT8;
    case DataType::kInt16:
      return inference::TYPE_INT16;
    case DataType::kInt32:
      return inference::TYPE_INT32;
    case DataType::kInt64:
      return inference::TYPE_INT64;
    case DataType::kUint8:
      return inference::TYPE_UINT8;
    case DataType::kUint16:
      return inference::TYPE_UINT16;
    case DataType::kUint32:
      return inference::TYPE_UINT32;
    case DataType::kUint64:
      return inference::TYPE_UINT64;
    case DataType::kFp16:
      return inference::TYPE_FP16;
    case DataType::kBf16:
      return inference::TYPE_BF16;
    case DataType::kFp32:
      return inference::TYPE_FP32;
    case DataType::kFp64:
      return inference::TYPE_FP64;
    case DataType::kString:
      return inference::TYPE_STRING;
    case DataType::kUndefined:
      break;
  }
  return inference::TYPE_INVALID;
}

template <typename Tensors>
void configure(const std::vector<TensorSpec>& specs, Tensors* tensors) {
  for (const auto& spec : specs) {
    auto& tensor = *tensors->Add();
    tensor.set_name(spec.name);
    tensor.set_data_type(config_type(spec.type));
    for (const auto& dim : spec.shape.dims) tensor.add_dims(dim.extent_or_dynamic());
  }
}

// Where the model really runs: an instance group per device, and parameters with what Triton's message has no field
// for. Sent back with a load, the groups leave a plan of several devices as it is.
void describe_execution(const std::vector<serving::DeviceReport>& devices, inference::ModelConfig& config) {
  const auto kind = serving::planned_for_cpu_alone(devices) ? inference::ModelInstanceGroup::KIND_CPU
                                                            : inference::ModelInstanceGroup::KIND_AUTO;
  for (const auto& report : devices) {
    const auto& info = report.info;
    if (report.state != serving::DeviceState::kServing) continue;
    auto& group = *config.add_instance_group();
    group.set_name(info.device);
    group.set_count(static_cast<std::int32_t>(info.optimal_requests));
    group.set_kind(kind);
  }
  for (const auto& [name, value] : serving::execution_facts(devices))
    (*config.mutable_parameters())[name].set_string_value(value);
}

// max_batch_size stays 0, Triton's way to say that dims are the whole shape, batch included.
Status model_config(serving::ModelCatalog& catalog, const inference::ModelConfigRequest& request,
                    inference::ModelConfigResponse& reply) {
  const auto found = find(catalog, request.name(), request.version());
  if (!found.ok()) return found.status();
  const auto metadata = found.value()->current_metadata();
  auto& config = *reply.mutable_config();
  config.set_name(metadata.name);
  config.set_platform(metadata.computing_platform());
  configure(metadata.inputs, config.mutable_input());
  configure(metadata.outputs, config.mutable_output());
  config.mutable_model_transaction_policy()->set_decoupled(false);
  describe_execution(metadata.device_reports(), config);
  return {};
}

}  // namespace

rpc::UnaryMethods model_methods(const ControlServices& services) {
  const std::string prefix = "/inference.GRPCInferenceService/";
  auto& catalog = services.catalog;
  rpc::UnaryMethods methods;
  methods.push_back(rpc::proto_method<inference::ModelReadyRequest, inference::ModelReadyResponse>(
      prefix + "ModelReady",
      [&catalog](const auto& request, auto& reply) { return model_ready(catalog, request, reply); }));
  methods.push_back(rpc::proto_method<inference::ModelMetadataRequest, inference::ModelMetadataResponse>(
      prefix + "ModelMetadata",
      [&catalog](const auto& request, auto& reply) { return model_metadata(catalog, request, reply); }));
  methods.push_back(rpc::proto_method<inference::ModelConfigRequest, inference::ModelConfigResponse>(
      prefix + "ModelConfig",
      [&catalog](const auto& request, auto& reply) { return model_config(catalog, request, reply); }));
  return methods;
}

}  // namespace ocelli::kserve_grpc
