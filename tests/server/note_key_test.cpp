#include "server/note_key.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace ocelli::server {
namespace {

struct Facts {
  std::string digest = "00ff";
  std::string target = "CPU";
  std::map<std::string, std::string> properties{{"NUM_STREAMS", "2"}};
  CompileOptions options;
  ExecutionInfo info;
  ModelSignature signature{{{"x", DataType::kFp32, PartialShape::from({1, 4}), ""}}, {}};
  std::string processor = "a processor";
  unsigned processors = 2;

  [[nodiscard]] std::string key() const {
    return NoteKey{digest, target, properties, options, processor, processors}.text() + compiled_text(info, signature);
  }
};

TEST(NoteKey, EverythingThatMattersMakesAnotherKey) {
  EXPECT_EQ(Facts().key(), Facts().key());
  const std::vector<std::function<void(Facts&)>> changes{
      [](Facts&) {},
      [](Facts& f) { f.digest = "00fe"; },
      [](Facts& f) { f.target = "CPU.ONNXRUNTIME"; },
      [](Facts& f) { f.properties["NUM_STREAMS"] = "4"; },
      [](Facts& f) { f.properties.clear(); },
      [](Facts& f) {
        f.options.shapes["x"] = PartialShape::from({2, 4});
      },
      [](Facts& f) { f.options.batch = Dimension::fixed(3); },
      [](Facts& f) { f.options.preprocess.layout["x"] = "NC"; },
      [](Facts& f) { f.options.preprocess.mean = {1}; },
      [](Facts& f) { f.options.preprocess.scale = {1}; },
      [](Facts& f) { f.options.preprocess.precision = "uint8"; },
      [](Facts& f) { f.options.extension_library = "/lib.so"; },
      [](Facts& f) { f.options.low_latency_transformation = true; },
      [](Facts& f) { f.options.requests = 3; },
      [](Facts& f) { f.info.runtime = "OpenVINO"; },
      [](Facts& f) { f.info.runtime_version = "2026.5"; },
      [](Facts& f) { f.info.device = "GPU"; },
      [](Facts& f) { f.info.device_name = "another card"; },
      [](Facts& f) { f.info.precision = "BF16"; },
      [](Facts& f) { f.info.streams = 2; },
      [](Facts& f) { f.info.threads = 2; },
      [](Facts& f) {
        f.signature.inputs[0].shape = PartialShape::from({1, 8});
      },
      [](Facts& f) { f.signature.inputs[0].type = DataType::kFp16; },
      [](Facts& f) { f.processor = "another"; },
      [](Facts& f) { f.processors = 4; },
  };
  std::set<std::string> keys;
  for (const auto& change : changes) {
    Facts facts;
    change(facts);
    keys.insert(facts.key());
  }
  EXPECT_EQ(keys.size(), changes.size());
}

DeviceInfo named(std::string name, std::string full_name) {
  DeviceInfo device;
  device.name = std::move(name);
  device.full_name = std::move(full_name);
  return device;
}

// As many devices as it is told, and no models.
struct Devices final : Runtime {
  [[nodiscard]] std::string_view name() const noexcept override { return "fake"; }
  [[nodiscard]] std::string version() const override { return number; }
  [[nodiscard]] std::vector<DeviceInfo> devices() override { return known; }
  [[nodiscard]] bool supports(ModelFormat) const noexcept override { return false; }
  [[nodiscard]] bool knows_property(const std::string&, const std::string&) override { return false; }
  Result<std::unique_ptr<CompiledModel>> compile(const ModelSource&, const CompileOptions&) override {
    return unimplemented("no models");
  }
  std::string number = "1";
  std::vector<DeviceInfo> known{named("CPU", "a processor"), named("GPU.0", "a card")};
};

TEST(NoteKey, AnotherDeviceOrReleaseMakesAnotherKeyAndTheOthersDevicesDoNot) {
  Devices runtime;
  const auto before = device_text(runtime, "GPU");
  runtime.known[0].full_name = "another processor";
  EXPECT_EQ(device_text(runtime, "GPU"), before);
  runtime.known[1].driver = "another driver";
  const auto with_driver = device_text(runtime, "GPU");
  EXPECT_NE(with_driver, before);
  runtime.known[1].full_name = "another card";
  const auto with_card = device_text(runtime, "GPU");
  EXPECT_NE(with_card, with_driver);
  runtime.number = "2";
  EXPECT_NE(device_text(runtime, "GPU"), with_card);
  EXPECT_NE(device_text(runtime, "GPU.1"), device_text(runtime, "GPU.0"));
}

TEST(NoteKey, TheMachineHasAProcessor) { EXPECT_GE(usable_processors(), 1U); }

}  // namespace
}  // namespace ocelli::server
