// Decode to tensor: the CPU's way, the CUDA kernel's arithmetic run on the CPU, and the card where there is one.
#include "image/preprocess.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>
#include <vector>

#include "image/cuda/pixel_job.hpp"
#include "image/cuda_module.hpp"

namespace ocelli::image {
namespace {

using ::testing::HasSubstr;

Image noise(std::size_t width, std::size_t height, PixelFormat format, BufferPool& pool) {
  Image image{width, height, format, pool.get(width * height * channels(format))};
  std::mt19937 random(7);
  for (std::size_t i = 0; i < image.bytes(); ++i) image.data()[i] = static_cast<std::uint8_t>(random());
  return image;
}

std::vector<std::byte> on_cpu(const Image& picture, const PreprocessPlan& plan, BufferPool& pool) {
  std::vector<std::byte> out(tensor_bytes(plan));
  const auto status = make_cpu_preprocessor(pool)->run(picture, plan, out.data());
  EXPECT_TRUE(status.ok()) << status.to_string();
  return out;
}

// What the kernel's threads do, one after the other.
std::vector<std::byte> by_kernel(const Image& picture, const PreprocessPlan& plan) {
  std::vector<std::byte> out(tensor_bytes(plan));
  const auto box = checked_crop(plan, picture.width, picture.height, picture.format);
  EXPECT_TRUE(box.ok());
  const auto job = cuda::make_job(plan, *box, picture.data(), picture.width, channels(picture.format), out.data());
  for (std::int32_t y = 0; y < job.out_height; ++y) {
    for (std::int32_t x = 0; x < job.out_width; ++x) cuda::preprocess_pixel(job, x, y);
  }
  return out;
}

// Equal bit for bit where the compiler does not fuse multiply and add, else to the last bits.
void expect_same(const std::vector<std::byte>& ours, const std::vector<std::byte>& theirs, const PreprocessPlan& plan) {
  ASSERT_EQ(ours.size(), theirs.size());
  if (plan.type == DataType::kUint8) {
    EXPECT_EQ(std::memcmp(ours.data(), theirs.data(), ours.size()), 0);
    return;
  }
  std::vector<float> a(ours.size() / sizeof(float));
  std::vector<float> b(a.size());
  std::memcpy(a.data(), ours.data(), ours.size());
  std::memcpy(b.data(), theirs.data(), theirs.size());
#if defined(__x86_64__)
  EXPECT_EQ(a, b);
#else
  EXPECT_THAT(a, ::testing::Pointwise(::testing::FloatNear(1e-4F), b));
#endif
}

struct Case {
  std::size_t width;
  std::size_t height;
  CropBox crop;
};
const Case kCases[] = {{64, 48, {}},
                       {63, 17, {}},
                       {32, 32, {}},
                       {5, 3, {}},
                       {1, 1, {}},
                       {300, 211, {}},
                       {64, 64, {}},
                       {80, 90, {7, 9, 64, 64}},
                       {80, 90, {79, 89, 1, 1}},
                       {80, 90, {0, 10, 80, 33}},
                       {80, 90, {3, 0, 31, 90}}};

std::vector<PreprocessPlan> plans() {
  std::vector<PreprocessPlan> result;
  for (const bool floats : {false, true}) {
    for (const bool planar : {false, true}) {
      for (const bool rgb : {false, true}) {
        PreprocessPlan plan;
        plan.width = 32;
        plan.height = 32;
        plan.rgb = rgb;
        plan.planar = planar;
        plan.type = floats ? DataType::kFp32 : DataType::kUint8;
        for (int c = 0; c < 3; ++c) {
          plan.mean[c] = 110.5F + static_cast<float>(c);
          plan.factor[c] = 1.0F / (50.0F + static_cast<float>(c));
        }
        plan.factor[3] = 0.5F;
        result.push_back(plan);
      }
    }
  }
  return result;
}

template <typename Run>
void for_each_case(BufferPool& pool, Run run) {
  for (const auto format : {PixelFormat::kGray, PixelFormat::kBgr, PixelFormat::kBgra}) {
    for (const auto& given : kCases) {
      const auto picture = noise(given.width, given.height, format, pool);
      for (auto plan : plans()) {
        plan.crop = given.crop;
        if (format == PixelFormat::kBgra) plan.channels = given.width % 2 ? 3 : 4;
        SCOPED_TRACE(::testing::Message() << given.width << 'x' << given.height << " of " << channels(format) << " rgb "
                                          << plan.rgb << " planar " << plan.planar);
        run(picture, plan);
      }
    }
  }
}

TEST(Preprocess, TheKernelsArithmeticGivesTheCpusNumbers) {
  BufferPool pool;
  int compared = 0;
  for_each_case(pool, [&](const Image& picture, const PreprocessPlan& plan) {
    expect_same(by_kernel(picture, plan), on_cpu(picture, plan, pool), plan);
    ++compared;
  });
  EXPECT_EQ(compared, 3 * 11 * 8);
}

TEST(Preprocess, ChannelsLayoutAndScaleAreWhatWasAskedFor) {
  BufferPool pool;
  Image picture{2, 1, PixelFormat::kBgr, pool.get(6)};
  const std::uint8_t pixels[] = {10, 20, 30, 40, 50, 60};
  std::memcpy(picture.data(), pixels, sizeof pixels);
  PreprocessPlan plan;
  plan.width = 2;
  plan.height = 1;
  plan.mean[0] = 30;
  plan.factor[1] = 0.5F;
  std::vector<float> out(6);
  ASSERT_TRUE(make_cpu_preprocessor(pool)->run(picture, plan, reinterpret_cast<std::byte*>(out.data())).ok());
  EXPECT_EQ(out, (std::vector<float>{0, 30, 10, 25, 10, 40}));
  plan.planar = false;
  plan.rgb = false;
  ASSERT_TRUE(make_cpu_preprocessor(pool)->run(picture, plan, reinterpret_cast<std::byte*>(out.data())).ok());
  EXPECT_EQ(out, (std::vector<float>{-20, 10, 30, 10, 25, 60}));
}

TEST(Preprocess, GrayBecomesColourAndColourStaysColour) {
  BufferPool pool;
  Image gray{1, 1, PixelFormat::kGray, pool.get(1)};
  gray.data()[0] = 77;
  PreprocessPlan plan;
  plan.width = 1;
  plan.height = 1;
  plan.type = DataType::kUint8;
  EXPECT_EQ(on_cpu(gray, plan, pool), std::vector<std::byte>(3, std::byte{77}));
  plan.channels = 1;
  EXPECT_EQ(on_cpu(gray, plan, pool), std::vector<std::byte>(1, std::byte{77}));
  const auto colour = noise(4, 4, PixelFormat::kBgr, pool);
  std::byte out{};
  const auto status = make_cpu_preprocessor(pool)->run(colour, plan, &out);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("3 channels; expected 1"));
  plan.channels = 4;
  const auto no_alpha = make_cpu_preprocessor(pool)->run(colour, plan, &out);
  EXPECT_EQ(no_alpha.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(no_alpha.message()), HasSubstr("3 channels; expected 4"));
}

TEST(Preprocess, AlphaStaysLast) {
  BufferPool pool;
  Image picture{1, 1, PixelFormat::kBgra, pool.get(4)};
  const std::uint8_t pixels[] = {10, 20, 30, 40};
  std::memcpy(picture.data(), pixels, sizeof pixels);
  PreprocessPlan plan;
  plan.width = 1;
  plan.height = 1;
  plan.channels = 4;
  plan.type = DataType::kUint8;
  using Bytes = std::vector<std::byte>;
  EXPECT_EQ(on_cpu(picture, plan, pool), (Bytes{std::byte{30}, std::byte{20}, std::byte{10}, std::byte{40}}));
  plan.rgb = false;
  EXPECT_EQ(on_cpu(picture, plan, pool), (Bytes{std::byte{10}, std::byte{20}, std::byte{30}, std::byte{40}}));
}

TEST(Preprocess, ThePlanMayHangOnThePicture) {
  BufferPool pool;
  // A BMP file of 2x1 pixels.
  const std::string file(
      "BM\x3e\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\2\0\0\0\1\0\0\0\1\0\x18\0\0\0\0\0\0\0\0\0\0\0\0\0"
      "\0\0\0\0\0\0\0\0\0\0\0\0\1\2\3\4\5\6\0\0",
      62);
  std::vector<std::byte> out(6);
  const auto cpu = make_cpu_preprocessor(pool);
  const auto status =
      cpu->run(std::as_bytes(std::span(file)), {}, [&](const PictureFacts& facts) -> Result<PictureTarget> {
        PictureTarget target;
        target.plan.width = facts.width;
        target.plan.height = facts.height;
        target.plan.type = DataType::kUint8;
        target.plan.rgb = false;
        target.plan.planar = false;
        target.out = out.data();
        return target;
      });
  ASSERT_TRUE(status.ok()) << status.to_string();
  EXPECT_EQ(static_cast<int>(out[5]), 6);
  EXPECT_EQ(cpu->run(std::as_bytes(std::span(file)), {},
                     [](const PictureFacts&) -> Result<PictureTarget> { return not_found("of the chooser"); })
                .code(),
            StatusCode::kNotFound);
}

TEST(Preprocess, MistakesAreNamed) {
  BufferPool pool;
  const auto picture = noise(10, 8, PixelFormat::kBgr, pool);
  PreprocessPlan plan;
  plan.width = 4;
  plan.height = 4;
  std::vector<std::byte> out(tensor_bytes(plan));
  const auto cpu = make_cpu_preprocessor(pool);
  for (const CropBox box : {CropBox{10, 0, 1, 1}, {0, 8, 1, 1}, {5, 0, 6, 1}, {0, 0, 1, 9}, {0, 0, 3, 0}}) {
    plan.crop = box;
    const auto status = cpu->run(picture, plan, out.data());
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("picture of 10x8"));
  }
  plan.crop = {};
  EXPECT_EQ(cpu->run(std::as_bytes(std::span("no picture", 10)), plan, out.data()).code(),
            StatusCode::kInvalidArgument);
  plan.type = DataType::kInt64;
  EXPECT_EQ(cpu->run(picture, plan, out.data()).code(), StatusCode::kInvalidArgument);
}

// On the card, or skipped with the reason.
class CudaPreprocess : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("OCELLI_BACKEND_DIR");
    ASSERT_NE(folder, nullptr) << "set OCELLI_BACKEND_DIR to BUILD/backends; ctest does";
    if (!std::filesystem::exists(std::filesystem::path(folder) / kCudaModuleFile))
      GTEST_SKIP() << kCudaModuleFile << " was not built: nvcc was not found";
    auto loaded = load_cuda_preprocessor(folder, 0, pool_);
    if (!loaded.ok()) {
      EXPECT_EQ(loaded.status().code(), StatusCode::kUnavailable);
      EXPECT_THAT(std::string(loaded.status().message()), HasSubstr("no NVIDIA card is visible"));
      GTEST_SKIP() << loaded.status().message();
    }
    card_ = std::move(*loaded);
  }

  BufferPool pool_;
  std::unique_ptr<Preprocessor> card_;
};

TEST_F(CudaPreprocess, GivesTheCpusNumbers) {
  for_each_case(pool_, [&](const Image& picture, const PreprocessPlan& plan) {
    std::vector<std::byte> out(tensor_bytes(plan));
    const auto status = card_->run(picture, plan, out.data());
    ASSERT_TRUE(status.ok()) << status.to_string();
    expect_same(out, on_cpu(picture, plan, pool_), plan);
  });
}

TEST_F(CudaPreprocess, RefusesWhatTheCpuRefuses) {
  PreprocessPlan plan;
  plan.width = 4;
  plan.height = 4;
  plan.crop = {9, 9, 9, 9};
  std::vector<std::byte> out(tensor_bytes(plan));
  EXPECT_EQ(card_->run(noise(10, 8, PixelFormat::kBgr, pool_), plan, out.data()).code(), StatusCode::kInvalidArgument);
  // The beginning of a JPEG file and nothing else.
  const std::uint8_t cut_off[] = {0xFF, 0xD8, 0xFF, 0xE0, 0x00, 0x10};
  EXPECT_EQ(card_->run(std::as_bytes(std::span(cut_off)), plan, out.data()).code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace ocelli::image
