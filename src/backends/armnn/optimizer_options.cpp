#include "backends/armnn/optimizer_options.hpp"

#include <armnn/BackendOptions.hpp>

namespace ocelli::arm_nn {
namespace {

using ::armnn::BackendOptions;

// Options of one model, which the oldest release does not have; read_options() has refused them there.
template <typename Options>
void add_model_options(const ArmnnOptions& asked, Options& result) {
  if constexpr (requires { result.m_ModelOptions; }) {
    BackendOptions backend(asked.backend);
    if (asked.fast_math) backend.AddOption(BackendOptions::BackendOption("FastMathEnabled", true));
    if (asked.acc_threads) {
      backend.AddOption(BackendOptions::BackendOption("NumberOfThreads", static_cast<int>(*asked.acc_threads)));
    }
    if (!asked.cached_network.empty()) {
      backend.AddOption(BackendOptions::BackendOption("SaveCachedNetwork", asked.save_cached_network));
      backend.AddOption(BackendOptions::BackendOption("CachedNetworkFilePath", asked.cached_network));
    }
    if (backend.GetOptionCount() > 0) result.m_ModelOptions.push_back(backend);
  }
}

}  // namespace

::armnn::OptimizerOptions optimizer_options(const ArmnnOptions& options) {
  ::armnn::OptimizerOptions result;
  result.m_ReduceFp32ToFp16 = options.reduce_to_half;
  add_model_options(options, result);
  return result;
}

}  // namespace ocelli::arm_nn
