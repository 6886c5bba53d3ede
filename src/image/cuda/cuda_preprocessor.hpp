// CudaPreprocessor: decode and preprocess on an NVIDIA card.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "image/cuda/cuda_lane.hpp"
#include "image/cuda/nvjpeg.hpp"
#include "image/cuda/preprocess_kernel.hpp"
#include "image/preprocess.hpp"

namespace ocelli::image::cuda {

// JPEG pictures are decoded by nvJPEG when it is there, which is close to, but not bit for bit, the CPU's decoder; all
// others, and what nvJPEG refuses, on the CPU. Everything after that gives the CPU's numbers. As many pictures run at
// once as threads call.
class CudaPreprocessor final : public Preprocessor {
 public:
  // Errors: kUnavailable when there is no such card.
  static Result<std::unique_ptr<CudaPreprocessor>> create(std::uint32_t card, BufferPool& pool);

  [[nodiscard]] std::string name() const override;
  using Preprocessor::run;
  Status run(std::span<const std::byte> encoded, const DecodeLimits& limits, const ChooseTarget& choose) override;
  Status run(const Image& picture, const PreprocessPlan& plan, std::byte* out) override;

 private:
  CudaPreprocessor(std::uint32_t card, BufferPool& pool, std::unique_ptr<NvJpeg> nvjpeg)
      : card_(card), pool_(pool), nvjpeg_(std::move(nvjpeg)) {}
  Result<std::unique_ptr<CudaLane>> take_lane();
  void give_back(std::unique_ptr<CudaLane> lane);
  // With pixels in lane.picture, rows without padding.
  Status finish(CudaLane& lane, const NvJpeg::Info& picture, const PreprocessPlan& plan, std::byte* out) const;
  Status decode_on_card(CudaLane& lane, std::span<const std::byte> encoded, const NvJpeg::Info& info,
                        const PictureTarget& target, bool& decoded) const;
  Status run_pixels(CudaLane& lane, const Image& picture, const PreprocessPlan& plan, std::byte* out) const;

  std::uint32_t card_;
  BufferPool& pool_;
  std::unique_ptr<NvJpeg> nvjpeg_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<CudaLane>> idle_;  // go before nvjpeg_
};

}  // namespace ocelli::image::cuda
