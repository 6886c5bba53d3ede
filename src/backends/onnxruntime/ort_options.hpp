// CompileOptions as an ONNX Runtime session takes them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "backends/onnx_file/onnx_summary.hpp"
#include "backends/onnxruntime/device_request.hpp"
#include "backends/onnxruntime/ort_api.hpp"
#include "backends/onnxruntime/provider_options.hpp"
#include "base/log.hpp"
#include "runtime/compile_options.hpp"
#include "runtime/execution_properties.hpp"
#include "runtime/model_source.hpp"

namespace ocelli::onnxruntime {

// How many threads do what. Runs of one session share its pool of threads - 1 helpers; each run's caller works along,
// so that streams callers and the helpers together are the threads that were asked for.
struct ThreadPlan {
  std::uint32_t streams = 1;  // runs at the same time
  std::uint32_t intra = 1;    // threads of one run, its caller included
  std::uint32_t total = 1;
};
ThreadPlan plan_threads(const ExecutionProperties& properties, std::uint32_t cores);

// What a session was made with.
struct SessionPlan {
  OrtOwner<OrtSessionOptions> options;
  ThreadPlan threads;
  std::vector<ProviderUse> providers;  // that were appended, first first; empty: CPU alone
  NvidiaSettings nvidia;               // of those
  std::string precision_hint;          // as given, lower case; empty: none
  std::string note;
  bool engines_cached = false;

  [[nodiscard]] bool asks_for_single() const { return precision_hint == "f32" || precision_hint == "fp32"; }
};

// Whether the key may be given for the device: those of every backend, configuration entries of a session, and the
// options of the device's providers. False for a device that is none of ONNX Runtime's.
bool knows_property(const std::string& device, const std::string& key);

// Errors: kInvalidArgument naming a property that is unknown or cannot be given here; kFailedPrecondition when a
// provider cannot be used, with the reason and the remedy.
Result<SessionPlan> plan_session(const OrtLibrary& library, const DeviceRequest& device, const ModelSource& source,
                                 const CompileOptions& options, const Log& log);

// Fixes the file's open dimensions at the extents that are asked for. shapes is by input name. Errors:
// kFailedPrecondition "Model could not be reshaped with requested shape - why" when the file fixes that dimension
// itself.
Status fix_dimensions(const OrtApi& api, OrtSessionOptions& options, const onnx_file::OnnxSummary& summary,
                      const std::map<std::string, PartialShape>& shapes);

}  // namespace ocelli::onnxruntime
