// The control plane of inference.GRPCInferenceService: everything but inference.
#pragma once

#include <functional>
#include <string>

#include "protocols/rpc/unary_method.hpp"
#include "serving/model_catalog.hpp"

namespace ocelli {
class LogGate;
namespace transport {
class SharedMemoryRegistry;
}
}  // namespace ocelli

namespace ocelli::kserve_grpc {

// References must outlive the methods made from them.
struct ControlServices {
  serving::ModelCatalog& catalog;
  transport::SharedMemoryRegistry* shared_memory = nullptr;  // null: switched off
  std::string server_name;
  std::string server_version;
  LogGate* log = nullptr;  // what LogSettings changes; null: not offered
  // Whether the server takes requests: loaded, and not on its way down.
  std::function<bool()> ready;
};

// ServerLive, ServerReady, ServerMetadata.
rpc::UnaryMethods server_methods(const ControlServices& services);
// ModelReady, ModelMetadata, ModelConfig.
rpc::UnaryMethods model_methods(const ControlServices& services);
// ModelStatistics.
rpc::UnaryMethods statistics_methods(const ControlServices& services);
// RepositoryIndex, RepositoryModelLoad, RepositoryModelUnload.
rpc::UnaryMethods repository_methods(const ControlServices& services);
// LogSettings, TraceSetting.
rpc::UnaryMethods settings_methods(const ControlServices& services);
// SystemSharedMemory..., CudaSharedMemory...
rpc::UnaryMethods shared_memory_methods(const ControlServices& services);

// All of the above.
rpc::UnaryMethods control_methods(const ControlServices& services);

}  // namespace ocelli::kserve_grpc
