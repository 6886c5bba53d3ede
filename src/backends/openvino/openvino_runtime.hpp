// OpenvinoRuntime: one ov::Core behind Runtime.
#pragma once

#include <memory>
#include <mutex>
#include <openvino/runtime/core.hpp>
#include <set>

#include "backends/openvino/compiled_store.hpp"
#include "backends/openvino/openvino_model.hpp"
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
  [[nodiscard]] bool knows_property(const std::string& device, const std::string& key) override;
  Result<std::unique_ptr<CompiledModel>> compile(const ModelSource& source, const CompileOptions& options) override;

 private:
  Status add_extension(const std::string& library);
  Result<std::shared_ptr<ov::Model>> read(const ModelSource& source, const CompileOptions& options);
  // A model as it is to be compiled.
  struct Prepared {
    std::shared_ptr<ov::Model> model;
    ModelFacts facts;
  };
  Result<Prepared> prepare(const ModelSource& source, const CompileOptions& options);
  // Reads and compiles. properties may name a cache of OpenVINO's own; when that fails it is done without, which the
  // model's note says.
  Result<std::unique_ptr<OpenvinoModel>> compile_file(const ModelSource& source, const CompileOptions& options,
                                                      ov::AnyMap properties);
  // The same with our own cache: what is stored is taken, what is compiled is stored. Where the device cannot hand out
  // its compiled form, OpenVINO's cache is used.
  Result<std::unique_ptr<OpenvinoModel>> compile_stored(const ModelSource& source, const CompileOptions& options,
                                                        const ov::AnyMap& properties);
  Result<std::unique_ptr<OpenvinoModel>> compile_unstored(const ModelSource& source, const CompileOptions& options,
                                                          const ov::AnyMap& properties, const Status& why);
  // Null when the entry does not fit after all.
  std::unique_ptr<OpenvinoModel> import(StoredModel stored, const CompileOptions& options, ov::AnyMap properties);
  std::string entry_name(const std::string& digest, const CompileOptions& options, const ov::AnyMap& properties);
  bool exports(const std::string& device);

  Log log_;
  ov::Core core_;
  std::mutex extensions_mutex_;
  std::set<std::string> extensions_;
};

}  // namespace ocelli::openvino
