#include "backends/armnn/optimizer_options.hpp"

#include <armnn/BackendOptions.hpp>

namespace ocelli::arm_nn {
namespace {

using ::armnn::BackendOptions;
using Option = BackendOptions::BackendOption;

// The oldest release has no options of one model; read_options() has refused them there.
template <typename Options>
void add_model_options(const ArmnnOptions& asked, Options& result) {
  if constexpr (requires { result.m_ModelOptions; }) {
    BackendOptions backend = model_options(asked);
    if (backend.GetOptionCount() > 0) result.m_ModelOptions.push_back(backend);
  }
}

}  // namespace

BackendOptions model_options(const ArmnnOptions& options) {
  BackendOptions backend(options.backend);
  if (options.fast_math) backend.AddOption(Option("FastMathEnabled", true));
  if (options.acc_threads) backend.AddOption(Option("NumberOfThreads", static_cast<int>(*options.acc_threads)));
  if (!options.cached_network.empty()) {
    backend.AddOption(Option("SaveCachedNetwork", options.save_cached_network));
    backend.AddOption(Option("CachedNetworkFilePath", options.cached_network));
  }
  return backend;
}

BackendOptions tuning_options(const ArmnnOptions& options) {
  BackendOptions backend(options.backend);
  if (options.tuning_level) backend.AddOption(Option("TuningLevel", *options.tuning_level));
  if (!options.tuning_file.empty()) backend.AddOption(Option("TuningFile", options.tuning_file));
  return backend;
}

::armnn::OptimizerOptions optimizer_options(const ArmnnOptions& options) {
  ::armnn::OptimizerOptions result;
  result.m_ReduceFp32ToFp16 = options.reduce_to_half;
  add_model_options(options, result);
  return result;
}

}  // namespace ocelli::arm_nn
