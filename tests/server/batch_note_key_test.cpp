#include "server/batch_note_key.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "runtime/host_processor.hpp"

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
    return BatchNoteKey{digest, target, properties, options, info, signature, processor, processors}.text();
  }
};

TEST(BatchNoteKey, EverythingThatMattersMakesAnotherKey) {
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

TEST(BatchNoteKey, TheMachineHasAProcessor) {
  EXPECT_FALSE(host_processor_name().empty());
  EXPECT_GE(usable_processors(), 1U);
}

}  // namespace
}  // namespace ocelli::server
