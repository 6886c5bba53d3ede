#include "inventory/device_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "devices/device_expression.hpp"
#include "inventory/machine_tree.hpp"

namespace ocelli::inventory {
namespace {

class ListedRuntime final : public Runtime {
 public:
  ListedRuntime(std::string name, std::vector<DeviceInfo> devices)
      : name_(std::move(name)), devices_(std::move(devices)) {}
  [[nodiscard]] std::string_view name() const noexcept override { return name_; }
  [[nodiscard]] std::string version() const override { return "1.2"; }
  [[nodiscard]] std::vector<DeviceInfo> devices() override { return devices_; }
  [[nodiscard]] bool supports(ModelFormat format) const noexcept override { return format == ModelFormat::kOnnx; }
  [[nodiscard]] bool knows_property(const std::string&, const std::string&) override { return true; }
  Result<std::unique_ptr<CompiledModel>> compile(const ModelSource&, const CompileOptions&) override {
    return unimplemented("this runtime only lists devices");
  }

 private:
  std::string name_;
  std::vector<DeviceInfo> devices_;
};

DeviceInfo device(const std::string& name, const std::string& kind) {
  DeviceInfo info;
  info.name = name;
  info.kind = kind;
  info.full_name = name + " in full";
  info.precisions = {"FP32"};
  return info;
}

class DeviceList : public testing::Test {
 protected:
  std::vector<DeviceEntry> list(DeviceFilter filter = DeviceFilter::kPresent) {
    const Machine machine{MachineFiles(tree.root()), tree.process};
    return list_devices(registry, machine, filter);
  }
  static const DeviceEntry* find(const std::vector<DeviceEntry>& entries, const std::string& target) {
    for (const auto& entry : entries) {
      if (entry.target == target) return &entry;
    }
    return nullptr;
  }

  MachineTree tree;
  devices::RuntimeRegistry registry{"/nowhere", Log()};
};

TEST_F(DeviceList, NamesAreThoseOfTheGrammar) {
  registry.add(std::make_shared<ListedRuntime>("armnn", std::vector{device("CpuRef", "cpu")}));
  registry.add(std::make_shared<ListedRuntime>("openvino", std::vector{device("CPU", "cpu"), device("GPU.1", "gpu")}));
  const auto entries = list();
  ASSERT_EQ(entries.size(), 3U);
  ASSERT_NE(find(entries, "ARMNN.CpuRef"), nullptr);
  const auto* cpu = find(entries, "CPU");
  ASSERT_NE(cpu, nullptr);
  EXPECT_EQ(cpu->state, DeviceState::kUsable);
  EXPECT_EQ(cpu->runtime, "openvino");
  EXPECT_EQ(cpu->runtime_version, "1.2");
  EXPECT_EQ(cpu->formats, std::vector<std::string>{"ONNX"});
  EXPECT_TRUE(cpu->shares_host_memory);
  EXPECT_EQ(cpu->info.memory_bytes, 32000000ULL * 1024);
  for (const auto& entry : entries) EXPECT_TRUE(devices::parse_target_device(entry.target).ok()) << entry.target;
}

TEST_F(DeviceList, ARuntimeThatCannotBeLoadedIsSaid) {
  EXPECT_FALSE(registry.get("openvino").ok());
  const auto entries = list();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].target, "CPU");
  EXPECT_EQ(entries[0].runtime, "openvino");
  EXPECT_EQ(entries[0].state, DeviceState::kUnusable);
  EXPECT_THAT(entries[0].info.reason, testing::HasSubstr("libocelli_backend_openvino.so"));
}

TEST_F(DeviceList, HardwareThatNoRuntimeListsSaysWhy) {
  registry.add(std::make_shared<ListedRuntime>("openvino", std::vector{device("CPU", "cpu")}));
  tree.pci("0000:01:00.0", "10de:2684", "030000", "nouveau");
  const auto entries = list();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[1].target, "NVIDIA");
  EXPECT_EQ(entries[1].state, DeviceState::kUnusable);
  EXPECT_EQ(entries[1].info.full_name, "NVIDIA GPU: 0000:01:00.0 (10de:2684)");
  EXPECT_EQ(entries[1].info.reason, "the open driver nouveau has the GPU, which CUDA cannot use");
  EXPECT_THAT(entries[1].info.remedy, testing::HasSubstr("install -y cuda-drivers"));
}

TEST_F(DeviceList, HardwareThatARuntimeListsIsListedOnce) {
  tree.pci("0000:01:00.0", "10de:2684", "030000", "nouveau");
  auto card = device("CUDA.0", "gpu");
  card.usable = false;
  card.reason = "no CUDA here";
  registry.add(std::make_shared<ListedRuntime>("onnxruntime", std::vector{card}));
  const auto entries = list(DeviceFilter::kAll);
  const auto* found = find(entries, "CUDA.0");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(find(entries, "NVIDIA"), nullptr);
  EXPECT_EQ(found->info.reason, "no CUDA here") << "the runtime knows best";
  EXPECT_THAT(found->info.remedy, testing::HasSubstr("cuda-drivers")) << "but it gave no remedy";
}

TEST_F(DeviceList, WhatARuntimeListsButIsNotThereIsAbsent) {
  auto stick = device("MYRIAD", "vpu");
  stick.usable = false;
  stick.reason = "it needs an older OpenVINO";
  registry.add(std::make_shared<ListedRuntime>("openvino_c", std::vector{stick}));
  EXPECT_TRUE(list().empty());
  const auto entries = list(DeviceFilter::kAll);
  const auto* found = find(entries, "MYRIAD");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->state, DeviceState::kAbsent);
  EXPECT_EQ(found->info.reason, "not present: no 03e7:2485 or 03e7:f63b on the USB bus; it needs an older OpenVINO");
  EXPECT_THAT(found->info.remedy, testing::IsEmpty());

  tree.text("/sys/bus/usb/devices/1-4/idVendor", "03e7");
  tree.text("/sys/bus/usb/devices/1-4/idProduct", "f63b");
  const auto present = list();
  ASSERT_EQ(present.size(), 1U);
  EXPECT_EQ(present[0].state, DeviceState::kUnusable);
  EXPECT_EQ(present[0].info.reason, "it needs an older OpenVINO");
}

TEST_F(DeviceList, AllNamesEveryDeviceOfTheSeeds) {
  registry.add(std::make_shared<ListedRuntime>("openvino", std::vector{device("CPU", "cpu")}));
  const auto entries = list(DeviceFilter::kAll);
  for (const char* target : {"GPU", "NPU", "NVIDIA", "MALI", "MYRIAD", "HDDL"}) {
    const auto* entry = find(entries, target);
    ASSERT_NE(entry, nullptr) << target;
    EXPECT_EQ(entry->state, DeviceState::kAbsent) << target;
    EXPECT_THAT(entry->info.reason, testing::StartsWith("not present: ")) << target;
    EXPECT_TRUE(devices::parse_target_device(target).ok()) << target;
  }
  EXPECT_EQ(entries.size(), 7U);
  EXPECT_EQ(entries.front().target, "CPU") << "usable ones first";
}

}  // namespace
}  // namespace ocelli::inventory
