#include "inference/grpc_service.pb.h"
#include "protocols/kserve_grpc/control_methods.hpp"
#include "protocols/rpc/proto_method.hpp"
#include "protocols/settings/server_settings.hpp"

namespace ocelli::kserve_grpc {
namespace {

Status log_settings(LogGate* gate, const inference::LogSettingsRequest& request,
                    inference::LogSettingsResponse& reply) {
  using Choice = inference::LogSettingsRequest::SettingValue;
  if (!gate) return unimplemented("Log settings are not offered by this server");
  settings::Values wanted;
  for (const auto& [name, value] : request.settings()) {
    auto& put = wanted.emplace_back(name, settings::Value()).second;
    if (value.parameter_choice_case() == Choice::kBoolParam) put = value.bool_param();
    if (value.parameter_choice_case() == Choice::kUint32Param) put = std::uint64_t{value.uint32_param()};
    if (value.parameter_choice_case() == Choice::kStringParam) put = value.string_param();
  }
  if (auto status = settings::update_log(*gate, wanted); !status.ok()) return status;
  for (const auto& [name, value] : settings::log_settings(*gate)) {
    auto& put = (*reply.mutable_settings())[name];
    if (const auto* flag = std::get_if<bool>(&value)) put.set_bool_param(*flag);
    if (const auto* number = std::get_if<std::uint64_t>(&value))
      put.set_uint32_param(static_cast<std::uint32_t>(*number));
    if (const auto* text = std::get_if<std::string>(&value)) put.set_string_param(*text);
  }
  return {};
}

Status trace_settings(serving::ModelCatalog& catalog, const inference::TraceSettingRequest& request,
                      inference::TraceSettingResponse& reply) {
  if (!request.model_name().empty()) {
    const auto model = catalog.status(request.model_name(), std::nullopt);
    if (!model.ok()) return model.status();
  }
  settings::Values wanted;
  for (const auto& [name, value] : request.settings())
    wanted.emplace_back(name, std::vector<std::string>(value.value().begin(), value.value().end()));
  if (auto status = settings::update_trace(wanted); !status.ok()) return status;
  for (const auto& [name, value] : settings::trace_settings()) {
    auto& put = (*reply.mutable_settings())[name];
    if (const auto* text = std::get_if<std::string>(&value)) put.add_value(*text);
    if (const auto* list = std::get_if<std::vector<std::string>>(&value))
      put.mutable_value()->Assign(list->begin(), list->end());
  }
  return {};
}

}  // namespace

rpc::UnaryMethods settings_methods(const ControlServices& services) {
  namespace pb = inference;
  const std::string prefix = "/inference.GRPCInferenceService/";
  rpc::UnaryMethods methods;
  methods.push_back(rpc::proto_method<pb::LogSettingsRequest, pb::LogSettingsResponse>(
      prefix + "LogSettings",
      [gate = services.log](const auto& request, auto& reply) { return log_settings(gate, request, reply); }));
  methods.push_back(rpc::proto_method<pb::TraceSettingRequest, pb::TraceSettingResponse>(
      prefix + "TraceSetting", [&catalog = services.catalog](const auto& request, auto& reply) {
        return trace_settings(catalog, request, reply);
      }));
  return methods;
}

}  // namespace ocelli::kserve_grpc
