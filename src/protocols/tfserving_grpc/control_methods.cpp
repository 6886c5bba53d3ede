#include "protocols/tfserving_grpc/control_methods.hpp"

#include "protocols/rpc/proto_method.hpp"
#include "protocols/tfserving_grpc/tensor_proto.hpp"
#include "serving/servable.hpp"
#include "tensorflow_serving/apis/get_model_metadata.pb.h"
#include "tensorflow_serving/apis/get_model_status.pb.h"
#include "tensorflow_serving/apis/model_management.pb.h"

namespace ocelli::tfserving_grpc {
namespace {

namespace pb = tensorflow::serving;
using observability::Interface;
using observability::Method;

void count(const serving::ServableHandle& servable, Method method) {
  servable->metrics().request_done(method, Interface::kGrpc, {}, Duration::zero());
}

// Labels are read and ignored, as OVMS does.
std::optional<std::int64_t> version_of(const pb::ModelSpec& spec) {
  if (!spec.has_version() || spec.version().value() == 0) return std::nullopt;
  return spec.version().value();
}

template <typename Infos>
void describe(const std::vector<TensorSpec>& specs, Infos& infos) {
  for (const auto& spec : specs) {
    auto& info = infos[spec.name];
    info.set_name(spec.name);
    info.set_dtype(static_cast<tensorflow::DataType>(dtype_of(spec.type)));
    auto& shape = *info.mutable_tensor_shape();
    shape.set_unknown_rank(!spec.shape.rank_known);
    for (const auto& dim : spec.shape.dims) shape.add_dim()->set_size(dim.extent_or_dynamic());
  }
}

Status model_metadata(serving::ModelCatalog& catalog, const pb::GetModelMetadataRequest& request,
                      pb::GetModelMetadataResponse& reply) {
  if (!request.has_model_spec()) return invalid_argument("model_spec missing in request");
  if (request.metadata_field_size() != 1 || request.metadata_field(0) != "signature_def")
    return invalid_argument("Invalid signature name");
  const auto found = catalog.find(request.model_spec().name(), version_of(request.model_spec()));
  if (!found.ok()) return found.status();
  const auto metadata = found.value()->current_metadata();
  pb::SignatureDefMap signatures;
  auto& signature = (*signatures.mutable_signature_def())["serving_default"];
  describe(metadata.inputs, *signature.mutable_inputs());
  describe(metadata.outputs, *signature.mutable_outputs());
  (*reply.mutable_metadata())["signature_def"].PackFrom(signatures);
  reply.mutable_model_spec()->set_name(metadata.name);
  reply.mutable_model_spec()->mutable_version()->set_value(metadata.version);
  count(found.value(), Method::kGetModelMetadata);
  return {};
}

// Clients see OK, FAILED_PRECONDITION, or UNKNOWN for every other reason; the message is the code's name.
void describe(const serving::VersionStatus& version, pb::ModelVersionStatus& status) {
  status.set_version(version.version);
  status.set_state(static_cast<pb::ModelVersionStatus::State>(version.state));
  auto code = pb::StatusProto::UNKNOWN;
  if (version.error == StatusCode::kOk) code = pb::StatusProto::OK;
  if (version.error == StatusCode::kFailedPrecondition) code = pb::StatusProto::FAILED_PRECONDITION;
  status.mutable_status()->set_error_code(code);
  status.mutable_status()->set_error_message(pb::StatusProto::Code_Name(code));
}

Status model_status(serving::ModelCatalog& catalog, const pb::GetModelStatusRequest& request,
                    pb::GetModelStatusResponse& reply) {
  if (!request.has_model_spec()) return invalid_argument("model_spec missing in request");
  const auto& spec = request.model_spec();
  const auto status = catalog.status(spec.name(), version_of(spec));
  if (!status.ok()) return status.status();
  for (const auto& version : status->versions) describe(version, *reply.add_model_version_status());
  if (const auto servable = catalog.find(spec.name(), version_of(spec)); servable.ok())
    count(servable.value(), Method::kGetModelStatus);
  return {};
}

// What the request lists is not read: the configuration file is, again.
Status reload(serving::ModelCatalog& catalog, pb::ReloadConfigResponse& reply) {
  const auto outcome = catalog.reload();
  if (!outcome.ok()) return outcome.status();
  reply.mutable_status()->set_error_code(pb::StatusProto::OK);
  return {};
}

rpc::UnaryMethod refused(std::string path) {
  return {std::move(path), [](wire::Bytes, std::string&) {
            return unimplemented(
                "Only Predict is offered: this server knows no classification "
                "or regression signatures");
          }};
}

}  // namespace

rpc::UnaryMethods control_methods(serving::ModelCatalog& catalog) {
  const std::string prediction = "/tensorflow.serving.PredictionService/";
  const std::string model = "/tensorflow.serving.ModelService/";
  rpc::UnaryMethods methods;
  methods.push_back(rpc::proto_method<pb::GetModelMetadataRequest, pb::GetModelMetadataResponse>(
      prediction + "GetModelMetadata",
      [&catalog](const auto& request, auto& reply) { return model_metadata(catalog, request, reply); }));
  methods.push_back(rpc::proto_method<pb::GetModelStatusRequest, pb::GetModelStatusResponse>(
      model + "GetModelStatus",
      [&catalog](const auto& request, auto& reply) { return model_status(catalog, request, reply); }));
  methods.push_back(rpc::proto_method<pb::ReloadConfigRequest, pb::ReloadConfigResponse>(
      model + "HandleReloadConfigRequest", [&catalog](const auto&, auto& reply) { return reload(catalog, reply); },
      true));
  for (const auto* name : {"Classify", "Regress", "MultiInference"}) methods.push_back(refused(prediction + name));
  return methods;
}

}  // namespace ocelli::tfserving_grpc
