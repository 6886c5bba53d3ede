// OpenvinoRuntime: one ov::Core behind Runtime.
#pragma once

#include <functional>
#include <mutex>
#include <openvino/runtime/core.hpp>
#include <set>

#include "backends/openvino/model_facts.hpp"
#include "base/log.hpp"
#include "runtime/runtime.hpp"

namespace ocelli::openvino {

// Files are read into memory, not mapped, unless plugin_config says ENABLE_MMAP=YES: a mapped file that somebody
// overwrites or cuts off would end the program.
class OpenvinoRuntime final : public Runtime {
 public:
  // Throws what OpenVINO throws.
  explicit OpenvinoRuntime(Log log);

  [[nodiscard]] std::string_view name() const noexcept override { return "openvino"; }
  [[nodiscard]] std::string version() const override;
  [[nodiscard]] std::vector<DeviceInfo> devices() override;
  [[nodiscard]] bool supports(ModelFormat format) const noexcept override { return format != ModelFormat::kArmnn; }
  Result<std::unique_ptr<CompiledModel>> compile(const ModelSource& source, const CompileOptions& options) override;

 private:
  Status add_extension(const std::string& library);
  Result<std::shared_ptr<ov::Model>> read(const ModelSource& source, const CompileOptions& options);
  // A model as it is to be compiled.
  struct Prepared {
    std::shared_ptr<ov::Model> model;
    ModelFacts facts;
    bool is_changed = false;  // not what the file has any more
  };
  Result<Prepared> prepare(const ModelSource& source, const CompileOptions& options);
  // Compiles with the cache, or when that fails without it; note then says why.
  Result<ov::CompiledModel> compile_with(const std::function<ov::CompiledModel(const ov::AnyMap&)>& compile_model,
                                         const CompileOptions& options, std::string& note);
  // The model out of the cache, or compiled when it is not there. Throws what OpenVINO throws.
  ov::CompiledModel load_compiled(const ModelSource& source, const CompileOptions& options,
                                  const ov::AnyMap& properties);
  std::unique_ptr<CompiledModel> finish(ov::CompiledModel compiled, ModelFacts facts, const CompileOptions& options,
                                        const std::string& note);

  Log log_;
  ov::Core core_;
  std::mutex extensions_mutex_;
  std::set<std::string> extensions_;
};

}  // namespace ocelli::openvino
