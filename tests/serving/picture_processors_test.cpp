// Pictures go the way of the device on which their model runs, and the CPU's way when that does not work.
#include "serving/picture_processors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "serving/picture_input.hpp"
#include "tensor/string_tensor.hpp"

namespace ocelli::serving {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A card that fails as it is told, else does what the CPU does; asks for the target first, as a real one does.
class FakeCard final : public image::Preprocessor {
 public:
  FakeCard(BufferPool& pool, const Status& fate, int& runs)
      : cpu_(image::make_cpu_preprocessor(pool)), fate_(fate), runs_(runs) {}
  [[nodiscard]] std::string name() const override { return "a card"; }
  Status run(std::span<const std::byte> encoded, const image::DecodeLimits& limits,
             const image::ChooseTarget& choose) override {
    ++runs_;
    if (const auto target = choose({2, 1, image::PixelFormat::kBgr}); !target.ok()) return target.status();
    return fate_.ok() ? cpu_->run(encoded, limits, choose) : fate_;
  }
  Status run(const image::Image& picture, const image::PreprocessPlan& plan, std::byte* out) override {
    ++runs_;
    return fate_.ok() ? cpu_->run(picture, plan, out) : fate_;
  }

 private:
  const std::unique_ptr<image::Preprocessor> cpu_;
  const Status& fate_;
  int& runs_;
};

std::shared_ptr<const DeviceBoard> on(const std::vector<std::string>& devices) {
  std::vector<ExecutionInfo> infos(devices.size());
  for (std::size_t i = 0; i < devices.size(); ++i) infos[i].device = devices[i];
  return DeviceBoard::of(std::move(infos));
}

struct PictureProcessorsTest : testing::Test {
  PictureProcessors make() {
    return PictureProcessors(pool, Log(), [this](std::uint32_t card) -> Result<std::unique_ptr<image::Preprocessor>> {
      loaded.push_back(card);
      if (absent.contains(card)) return unavailable("there is no such card");
      return std::unique_ptr<image::Preprocessor>(new FakeCard(pool, fate, runs));
    });
  }

  BufferPool pool;
  std::vector<std::uint32_t> loaded;
  std::set<std::uint32_t> absent;
  Status fate;
  int runs = 0;
};

TEST_F(PictureProcessorsTest, TheDeviceThatServesChooses) {
  auto processors = make();
  EXPECT_EQ(processors.of(nullptr).name(), "CPU");
  EXPECT_EQ(processors.of(on({"CPU"}).get()).name(), "CPU");
  EXPECT_EQ(processors.of(on({"GPU.0", "CUDA.0"}).get()).name(), "CPU") << "the first that serves counts";
  EXPECT_TRUE(loaded.empty()) << "no card is opened for them";
  EXPECT_EQ(processors.of(on({"CUDA.0"}).get()).name(), "a card");
  EXPECT_EQ(processors.of(on({"TENSORRT.2,CUDA.2"}).get()).name(), "a card");
  EXPECT_EQ(processors.of(on({"TENSORRT.0", "CPU"}).get()).name(), "a card");
  EXPECT_THAT(loaded, ElementsAre(0, 2)) << "each once";
}

TEST_F(PictureProcessorsTest, ADeviceThatStandsByDoesNotCount) {
  auto processors = make();
  DeviceBoard board({"CUDA.0", "CPU"});
  board.update(0, [](DeviceReport& report) { report.info.device = "CUDA.0"; });
  board.update(1, [](DeviceReport& report) {
    report.info.device = "CPU";
    report.state = DeviceState::kServing;
  });
  EXPECT_EQ(processors.of(&board).name(), "CPU");
  board.update(0, [](DeviceReport& report) { report.state = DeviceState::kServing; });
  EXPECT_EQ(processors.of(&board).name(), "a card");
}

TEST_F(PictureProcessorsTest, TheCpuStandsInForACardThatCannotBeOpened) {
  absent = {1};
  auto processors = make();
  EXPECT_EQ(processors.of(on({"CUDA.1"}).get()).name(), "CPU");
  EXPECT_EQ(processors.of(on({"CUDA.1"}).get()).name(), "CPU");
  EXPECT_THAT(loaded, ElementsAre(1)) << "it is not tried for every picture";
}

TEST_F(PictureProcessorsTest, TheCpuStandsInForAPictureThatTheCardFails) {
  const std::string bmp(
      "BM\x3e\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\2\0\0\0\1\0\0\0\1\0\x18\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
      "\0\0\0\0\0\0\0\0\1\2\3\4\5\6\0\0",
      62);
  const std::vector<std::string_view> files{bmp, bmp};
  const auto packed = pool.get(packed_size(files));
  pack_strings(files, packed->data());
  const TensorView view{DataType::kString, Shape{2}, packed->data(), packed_size(files)};
  auto processors = make();
  auto& card = processors.of(on({"CUDA.0"}).get());
  for (const auto type : {DataType::kUint8, DataType::kFp64}) {
    const TensorSpec spec{"image", type, PartialShape::from({2, 1, 2, 3}), ""};
    const auto expected = decode_pictures("image", spec, view, {pool, *image::make_cpu_preprocessor(pool)});
    ASSERT_TRUE(expected.ok()) << expected.status().to_string();
    for (const auto& what :
         {Status(), Status(StatusCode::kResourceExhausted, "no memory"), unavailable("it is gone")}) {
      fate = what;
      runs = 0;
      const auto tensor = decode_pictures("image", spec, view, {pool, card});
      ASSERT_TRUE(tensor.ok()) << tensor.status().to_string();
      EXPECT_EQ(runs, 2);
      EXPECT_EQ(std::memcmp(tensor->view.data, expected->view.data, expected->view.bytes), 0);
    }
  }
  fate = invalid_argument("it is torn");
  const auto refused =
      decode_pictures("image", {"image", DataType::kUint8, PartialShape::from({2, 1, 2, 3}), ""}, view, {pool, card});
  EXPECT_THAT(std::string(refused.status().message()),
              HasSubstr("Image parsing failed - it is torn; input name: image"));
}

}  // namespace
}  // namespace ocelli::serving
